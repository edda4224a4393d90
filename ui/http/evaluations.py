"""Evaluations by HTTP, for editors: reports, which are pages of their own, and question sets sent by the window.

Knows nothing of how runs are made and kept (`ui/service/evaluations.py`).
"""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from fastapi import Depends, FastAPI, File, Request, UploadFile
from fastapi.responses import HTMLResponse, PlainTextResponse, Response

from evals.measuring.runs import RunError
from evals.questions.questions import SetError
from ui.http.rest import needs
from ui.service.evaluations import UPLOADS, Evaluations
from ui.service.refusal import Refusal

REPORT_HEADERS = {
    "content-security-policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'",
    "x-frame-options": "SAMEORIGIN",
    "cache-control": "no-store",
}


def mount_reports(web: FastAPI, evaluations: Evaluations) -> None:
    """Serve reports at /evaluations/RUN, pages that need no script, and are let run none; take sets at /evaluations/sets. For editors."""

    @web.post("/evaluations/sets", include_in_schema=False, status_code=201, dependencies=[Depends(needs("editor"))])
    def keep(files: Annotated[list[UploadFile], File(min_length=1, max_length=1)]) -> dict[str, str]:
        [given] = files
        name = Path((given.filename or "").replace("\\", "/")).name
        if Path(name).suffix not in UPLOADS:
            raise Refusal(415, "format-not-read", f'"{name}" is of no known format; sets end in {", ".join(UPLOADS)}')
        with TemporaryDirectory() as folder:
            upload = Path(folder) / f"set{Path(name).suffix}"
            with upload.open("wb") as kept:
                shutil.copyfileobj(given.file, kept)
            try:
                return {"name": evaluations.shown_name(evaluations.keep(upload, name=Path(name).stem))}
            except SetError as error:
                raise Refusal(422, "set-not-usable", str(error)) from error

    @web.get("/evaluations/{name}", include_in_schema=False, dependencies=[Depends(needs("editor"))])
    def report(name: str, request: Request) -> Response:
        try:
            return HTMLResponse(evaluations.report(name, request.query_params.get("before")), headers=REPORT_HEADERS)
        except RunError as error:
            return PlainTextResponse(str(error), status_code=404)
