"""Documents within the bounds of `rag.bounds`, whatever they were read from; what had to be cut is a warning.

>>> bounded(Document("نص", title="بيان " * 100)).warnings
('its title has 500 characters; it is cut to 300, give a shorter one in a side-car "NAME.meta.toml"',)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ingest.readers.document import Document
from rag.bounds import MAX_HEADINGS, MAX_ISSUER, MAX_LEVEL, MAX_PART, MAX_SOURCE, MAX_TITLE, shortened
from rag.schema import Heading

_LENGTHS = {"title": MAX_TITLE, "issuer": MAX_ISSUER}


def bounded(document: Document) -> Document:
    """Return the document with what is known of it no longer than it can be, and a warning for what was cut or left out."""
    changes = list(_changes(document))
    made = {name: value for name, value, _ in changes}
    warnings = (*document.warnings, *(warning for *_, warning in changes if warning))
    return replace(document, **made, warnings=warnings) if changes else document


def _changes(document: Document) -> Iterator[tuple[str, Any, str]]:
    for name, most in _LENGTHS.items():
        said = getattr(document, name)
        if said and len(said) > most:
            what = f"its {name} has {len(said):,} characters; it is cut to {most}"
            yield name, shortened(said, most), f'{what}, give a shorter one in a side-car "NAME.meta.toml"'
    if document.source and (length := len(document.source)) > MAX_SOURCE:
        yield "source", None, f"its source has {length:,} characters, more than the {MAX_SOURCE:,} of any address; it is left out"
    if (length := len(document.part)) > MAX_PART:
        key = hashlib.sha256(document.part.encode("utf-8", errors="surrogatepass")).hexdigest()[:16]  # two may begin alike
        part = f"{shortened(document.part, MAX_PART - 20)} {key}"
        yield "part", part, f"the name of its part has {length:,} characters; it is cut to {MAX_PART:,}"
    if len(document.headings) > MAX_HEADINGS:
        yield (
            "headings",
            _levelled(document.headings[:MAX_HEADINGS]),
            f"it has {len(document.headings):,} headings; those after the first {MAX_HEADINGS:,} are taken for text",
        )
    elif any(heading.level > MAX_LEVEL for heading in document.headings):
        yield "headings", _levelled(document.headings), ""


def _levelled(headings: tuple[Heading, ...]) -> tuple[Heading, ...]:
    return tuple(replace(heading, level=min(heading.level, MAX_LEVEL)) for heading in headings)
