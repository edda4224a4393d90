"""Draw the masthead.

header_html("ar")
"""

from __future__ import annotations

from rag.schema import Language
from ui.markup import element, said


def header_html(interface: Language) -> str:
    """Draw the masthead: the name, and in a sentence what Bayan is; before it, for the keyboard, the way to the question."""
    skip = f'<a class="skip" href="#question">{said("skip", interface)}</a>'
    return skip + element("div", "masthead", interface, f"<h1>{said('name', interface)}</h1><p>{said('intro', interface)}</p>")
