"""The window's few icons: strokes in the colour of the text around them, hidden from screen readers.

icon("link")
"""

_PATHS = {
    "down": "M17 3v11M7 14l4 7a2.5 2.5 0 0 0 2-3l-1-4h5V3H7.5A2.5 2.5 0 0 0 5 5l-1.5 6.5A2.5 2.5 0 0 0 6 14zM17 3h3v11h-3",
    "up": "M17 21V10M7 10l4-7a2.5 2.5 0 0 1 2 3l-1 4h5v11H7.5A2.5 2.5 0 0 1 5 19l-1.5-6.5A2.5 2.5 0 0 1 6 10zM17 21h3V10h-3",
    "link": "M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1",
    "flag": "M5 21V4h11l-2 4 2 4H5",
    "check": "M4 13l5 5L20 7",
    "warning": "M12 3l10 18H2zM12 10v5M12 18v.5",
    "close": "M5 5l14 14M19 5L5 19",
    "before": "M15 5l-7 7 7 7",
    "after": "M9 5l7 7-7 7",
}


def icon(name: str) -> str:
    """Return an icon as SVG."""
    return f'<svg class="icon icon-{name}" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d="{_PATHS[name]}"/></svg>'
