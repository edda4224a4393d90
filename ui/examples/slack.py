"""A Slack slash command that asks Bayan: `/bayan متى تبدأ الدراسة؟` is answered in the channel with quotes and their sources.

    SLACK_SIGNING_SECRET=… BAYAN_KEY=… uvicorn --factory ui.examples.slack:webhook --port 8000

In Slack, point a slash command at https://HOST/slack. Slack wants an answer within three seconds; Bayan's quotes take a fraction of one,
but a language model may take longer, so the answer is sent to the command's response address afterwards.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import time
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit

import httpx
from fastapi import BackgroundTasks, FastAPI, Header, HTTPException, Request

MAX_AGE_S = 300  # older requests are somebody's recording
SPECIAL = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def webhook() -> FastAPI:
    """Return the web application. Raises KeyError when `SLACK_SIGNING_SECRET` is not set."""
    app, secret = FastAPI(), os.environ["SLACK_SIGNING_SECRET"]

    @app.post("/slack")
    async def command(
        request: Request,
        later: BackgroundTasks,
        x_slack_signature: Annotated[str, Header()],
        x_slack_request_timestamp: Annotated[int, Header()],
    ) -> dict[str, str]:
        body = await request.body()
        if not signed_by_slack(secret, x_slack_request_timestamp, body, x_slack_signature):
            raise HTTPException(403, "this request is not signed by Slack")
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        if not (question := form.get("text", "").strip()):
            return {"response_type": "ephemeral", "text": "/bayan QUESTION · ‏/bayan سؤال"}
        later.add_task(answer, question, form["response_url"])
        return {"response_type": "ephemeral", "text": "… searching · يبحث"}

    return app


def signed_by_slack(secret: str, sent: int, body: bytes, signature: str) -> bool:
    """Say whether Slack signed a request, lately: https://docs.slack.dev/authentication/verifying-requests-from-slack."""
    expected = "v0=" + hmac.new(secret.encode(), b"v0:%d:" % sent + body, hashlib.sha256).hexdigest()
    return abs(time.time() - sent) < MAX_AGE_S and hmac.compare_digest(expected.encode(), signature.encode())


async def answer(question: str, response_url: str) -> None:
    """Ask Bayan and send what it says to Slack."""
    if urlsplit(response_url).hostname != os.environ.get("SLACK_HOST", "hooks.slack.com"):
        return  # answers go to Slack and nowhere else
    server, key = os.environ.get("BAYAN_SERVER", "http://localhost:7860"), os.environ.get("BAYAN_KEY")
    async with httpx.AsyncClient(timeout=90) as client:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        response = await client.post(f"{server}/api/v1/ask", json={"question": question}, headers=headers)
        await client.post(response_url, json=message(question, response.json()))


def message(question: str, found: dict[str, Any]) -> dict[str, Any]:
    """Return an answer, or the problem that took its place, as a Slack message: text for people, nothing in it a link or a mention."""
    if "detail" in found:
        return {"response_type": "ephemeral", "text": _plain(found["detail"])}
    sources = [
        f"[{citation['number']}] " + " · ".join(filter(None, (citation["title"], citation["issuer"], citation["date"], citation["source"])))
        for citation in found["citations"]
    ]
    return {"response_type": "in_channel", "text": _plain("\n".join([f"» {question}", found["answer"], *sources])), "mrkdwn": False}


def _plain(text: str) -> str:
    return text.translate(SPECIAL)
