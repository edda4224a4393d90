"""Draw the masthead, and the panel that says what Bayan does, what is in use and where data goes.

about_html(settings, facets, "ar")
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from rag.generation.models import without_address
from rag.language import TEXT_VERSION
from rag.schema import Facets, Language
from rag.settings import Settings
from ui.html.markup import element, isolate, said

PARTS = ("gradio", "chromadb", "langchain-core")  # whose versions are told beside Bayan's own


def header_html(interface: Language) -> str:
    """Draw the masthead: the name, and in a sentence what Bayan is; before it, for the keyboard, the way to the question."""
    skip = f'<a class="skip" href="#question">{said("skip", interface)}</a>'
    close = f' data-close="{said("close", interface)}"'  # for a button that Gradio names in English
    return skip + element("div", "masthead", interface, f"<h1>{said('name', interface)}</h1><p>{said('intro', interface)}</p>", close)


def promises_html(interface: Language) -> str:
    """Say what Bayan does, and what it never does."""
    return "".join(
        element("p", "told", interface, f"<b>{said(f'{key}_head', interface)}</b> {said(key, interface)}") for key in ("does", "never")
    )


def about_html(settings: Settings, facets: Facets, interface: Language, *, may_see: bool = True) -> str:
    """Draw what is in use and where data goes. `may_see`: paths and addresses, which are for those who run the server."""
    rows = "".join(
        f"<tr><th scope='row'>{said(key, interface)}</th><td>{value}</td></tr>"
        for key, value in _rows(settings, facets, interface, may_see)
    )
    goes = "".join(f"<li>{said(key, interface)}</li>" for key in (*_ways_out(settings), "goes_kept"))
    parts = [
        f"<h2>{said('tab_about', interface)}</h2>{promises_html(interface)}",
        f"<h2>{said('about_in_use', interface)}</h2><table>{rows}</table>",
        f"<h2>{said('about_goes', interface)}</h2><ul>{goes}</ul>",
    ]
    return element("div", "about", interface, "".join(parts))


def _rows(settings: Settings, facets: Facets, interface: Language, may_see: bool) -> list[tuple[str, str]]:
    def shown(name: str) -> str:
        return _code(name if may_see else without_address(name))

    counts = {"all": facets.statements, "ar": facets.languages.get("ar", 0), "en": facets.languages.get("en", 0)}
    return [
        ("about_statements", said("about_counts", interface, **counts)),
        ("about_embedding", shown(settings.embedding)),
        *([("about_reranker", shown(settings.reranker))] if settings.reranker != "none" else []),
        ("about_model", said("about_no_model", interface) if settings.llm == "none" else shown(settings.llm)),
        *([("about_index", _code(str(settings.index)))] if may_see else []),
        *([("about_store", _code(settings.chroma_url))] if may_see and settings.chroma_url else []),
        (
            "about_versions",
            _code(f"bayan {_version('bayan')}, text {TEXT_VERSION}, " + ", ".join(f"{name} {_version(name)}" for name in PARTS)),
        ),
    ]


def _ways_out(settings: Settings) -> list[str]:
    """What leaves the server, as far as its settings say; whatever they do not name is contacted by nothing."""
    ways = (
        ("goes_model", settings.llm != "none" and not settings.llm.startswith("local:")),
        ("goes_embedding", settings.embedding.startswith("openai:")),
        ("goes_store", settings.chroma_url is not None),
        ("goes_traces", settings.otlp_endpoint is not None),
    )
    return [key for key, taken in ways if taken] or ["goes_nowhere"]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "?"


def _code(text: str) -> str:
    return f'<code dir="ltr">{isolate(text, "en")}</code>'
