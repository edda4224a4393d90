"""The programs that tests call, none of which Python brings; a test that needs one which is missing is skipped, with the reason."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

CHROMIUM = Path("/usr/bin/chromium")
MISSING: Mapping[str, str | None] = {  # why a program cannot be called; None where it can
    "chromium": None if CHROMIUM.exists() else f"no Chromium at {CHROMIUM}",
    "soffice": None if shutil.which("soffice") else "LibreOffice is not installed: apt install libreoffice-writer",
    "tesseract": None
    if shutil.which("tesseract") and any(Path("/usr/share/tesseract-ocr").glob("*/tessdata/ara.traineddata"))
    else "Tesseract with Arabic is not installed: apt install tesseract-ocr-ara",
    "git": None if shutil.which("git") else "git is not installed",
}


def needs(program: str) -> pytest.MarkDecorator:
    """Return the mark of a test that calls a program."""
    return pytest.mark.skipif(MISSING[program] is not None, reason=str(MISSING[program]))
