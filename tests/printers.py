"""Programs that write statements as people's do: LibreOffice saves and prints them, Chromium prints their page. Each is started once."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import formats
from formats import Sample
from programs import CHROMIUM

SIDES = ("top", "bottom", "left", "right")


def libreoffice(folder: Path, samples: Sequence[Sample], suffix: str) -> None:
    """Have LibreOffice open the statements' DOCX and save them as ODT or PDF; or their ODT, as DOCX."""
    given = "odt" if suffix == "docx" else "docx"
    with tempfile.TemporaryDirectory() as scratch:
        formats.write_each(Path(scratch) / "in", samples, f".{given}", getattr(formats, given))
        profile = f"-env:UserInstallation=file://{scratch}/profile"
        command = ["soffice", profile, "--headless", "--convert-to", suffix, "--outdir", str(folder)]
        if suffix == "pdf":
            _note_days(folder, samples)
        subprocess.run([*command, *map(str, sorted((Path(scratch) / "in").iterdir()))], check=True, capture_output=True, timeout=240)


def unmarked(folder: Path, files: Sequence[Path]) -> None:
    """Have LibreOffice print files as PDF without bookmarks, as people do who do not ask for any."""
    form = 'pdf:writer_pdf_Export:{"ExportBookmarks":{"type":"boolean","value":"false"}}'
    with tempfile.TemporaryDirectory() as scratch:
        command = ["soffice", f"-env:UserInstallation=file://{scratch}/profile", "--headless", "--convert-to", form]
        subprocess.run([*command, "--outdir", str(folder), *map(str, files)], check=True, capture_output=True, timeout=240)


def printed_pages(pages: Sequence[str]) -> list[bytes]:
    """Have Chromium print pages of HTML as PDF."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        printed = []
        for html in pages:
            page.set_content(html)
            printed.append(page.pdf(format="A4"))
        browser.close()
    return printed


def chromium(folder: Path, samples: Sequence[Sample]) -> None:
    """Print each statement's page as Chromium does when asked for a PDF: with the day and title above, the address and number below."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        for sample in samples:
            page.set_content(formats.article(sample))
            page.pdf(path=folder / f"{sample.name}.pdf", display_header_footer=True, format="A4", margin=dict.fromkeys(SIDES, "1.5cm"))
        browser.close()
    _note_days(folder, samples)


def _note_days(folder: Path, samples: Sequence[Sample]) -> None:
    """A print says only when it was printed: the statement's day stands in a side-car."""
    for sample in samples:
        (folder / f"{sample.name}.pdf.meta.toml").write_text(f"date = {sample.date}\n", encoding="utf-8")
