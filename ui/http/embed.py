"""The chat inside other sites' pages: the script of its widget, and the content policy that says who may frame it.

Knows nothing of the chat itself; nobody may frame it unless the settings name their origin.

    <script src="https://bayan.example.org/widget.js" data-language="ar" defer></script>
"""

from __future__ import annotations

import json
from pathlib import Path

from fastapi import APIRouter, Response

from ui.strings import STRINGS

SCRIPT = Path(__file__).with_name("widget.js")
WORDS = {"open": "widget_open", "close": "widget_close", "title": "widget_title"}

embed = APIRouter(include_in_schema=False)


@embed.get("/widget.js")
async def widget() -> Response:
    """Return the widget's script, which any page may load."""
    words = {language: {name: strings[key] for name, key in WORDS.items()} for language, strings in STRINGS.items()}
    script = SCRIPT.read_text(encoding="utf-8").replace("__WORDS__", json.dumps(words, ensure_ascii=False))
    headers = {"cross-origin-resource-policy": "cross-origin", "cache-control": "public, max-age=3600"}
    return Response(script, media_type="text/javascript", headers=headers)
