"""The tab of the statements: what the index holds, searched by title and text, added to by upload and taken from with confirmation.

Lays out, wires and draws. Files go from the browser to `POST /api/v1/jobs`, for no file passes through Gradio (`ui/http/firewall.py`); only
editors add and remove where access is closed.

    Browse(Assistant.open("index"), service, "ar")  # within gr.Blocks
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from html import escape
from typing import Any, Protocol

import gradio as gr

from ingest.readers import READERS
from rag.errors import BayanError, QuestionError
from rag.language.fold import fold
from rag.schema import Hit, IngestReport, Language, Statement
from ui.html.cards import meta_html, source_html
from ui.html.icons import icon
from ui.html.markup import element, isolate, said
from ui.service.access import LOCAL
from ui.service.jobs import Job
from ui.service.refusal import Refusal
from ui.service.service import Service
from ui.strings import STRINGS

log = logging.getLogger(__name__)

PRIVATE: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
SHOWN = 50  # at first, and as many more each time they are asked for
FOUND = 20
SNIPPET_CHARS = 200
POLL_S = 0.7
UNDER_WAY = ("queued", "running")


class Holding(Protocol):
    """What the tab needs of the assistant."""

    def statements(self) -> list[Statement]: ...
    def search(self, query: str, *, top_k: int = 10) -> list[Hit]: ...


class Browse:
    """The tab's parts and what each event does to them. Without a service nothing can be added or removed."""

    def __init__(self, assistant: Holding, service: Service | None, language: Language, bound: Callable[..., str]) -> None:
        self.assistant, self.service = assistant, service
        self.job = gr.State()  # the id of the upload under way
        with gr.Row(elem_id="browse-bar"):
            self.query = gr.Textbox(**self._query_labels(language), max_lines=1, elem_id="browse-query")
            self.upload = gr.HTML(
                self._upload_html(language),
                visible=service is not None,
                elem_id="upload",
                js_on_load=bound("upload", "uploaded", "refused"),
            )
        self.told = gr.HTML("", elem_id="upload-told")
        self.list = gr.HTML("", elem_id="browse-list", js_on_load=bound("browse", "remove", "more"))
        self.shown = gr.State(SHOWN)  # how many are listed
        self.timer = gr.Timer(POLL_S, active=False)

    def wire(self, app: gr.Blocks, switch: gr.Radio, tab: gr.Tab) -> None:
        """Join events to what they do; `tab` is the tab itself."""
        looked = [self.query, switch, self.shown]
        tab.select(self._list, looked, self.list, **PRIVATE)
        anew: dict[str, Any] = {"inputs": [self.query, switch], "outputs": [self.list, self.shown], **PRIVATE}
        self.query.submit(self._search_anew, **anew)
        self.query.change(self._search_anew, trigger_mode="always_last", **anew)
        self.list.more(self._more, looked, [self.list, self.shown], **PRIVATE)
        begun = [self.told, self.job, self.timer]
        self.upload.uploaded(self._uploaded, switch, begun, **PRIVATE)
        self.upload.refused(refused_html, None, self.told, **PRIVATE)
        self.list.remove(self._remove, switch, begun, **PRIVATE)
        self.timer.tick(self._follow, [self.job, *looked], [self.told, self.timer, self.list], **PRIVATE)
        relabelled = [tab, self.query, self.upload, self.list]
        switch.change(self._relabel, looked, relabelled, queue=False, **PRIVATE)
        app.load(self._admit, None, self.upload, **PRIVATE)

    # Events

    def _admit(self, request: gr.Request) -> Any:
        return gr.HTML(visible=self.service is not None and may_edit(request))

    def _list(self, query: str | None, language: Language, shown: int, request: gr.Request) -> str:
        return self._listed(query, language, shown, edits=self.service is not None and may_edit(request))

    def _search_anew(self, query: str | None, language: Language, request: gr.Request) -> tuple[str, int]:
        return self._list(query, language, SHOWN, request), SHOWN

    def _more(self, query: str | None, language: Language, shown: int, request: gr.Request) -> tuple[str, int]:
        return self._list(query, language, shown + SHOWN, request), shown + SHOWN

    def _listed(self, query: str | None, language: Language, shown: int, *, edits: bool) -> str:
        query = query or ""  # of a tab that was not opened yet
        try:
            statements = self.assistant.statements()
            hits = self._search(query) if query.strip() and statements else []
        except BayanError as problem:
            return problem_html(problem)
        return statements_html(statements, query, hits, language, shown=shown, edits=edits)

    def _search(self, query: str) -> list[Hit]:
        try:
            return self.assistant.search(query, top_k=FOUND)
        except QuestionError:  # nothing in it to search for: titles may still hold it
            return []

    def _uploaded(self, language: Language, given: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        """Follow a job that the browser has begun with the files that were chosen."""
        if self.service is None or not may_edit(request):
            return element("p", "problem", language, said("editors_only", language)), None, gr.Timer(active=False)
        try:
            job = self.service.jobs.find(str(given.answer["job_id"]))
        except Refusal as problem:
            return problem_html(problem), None, gr.Timer(active=False)
        return job_html(job, language), job.job_id, gr.Timer(active=True)

    def _follow(self, job_id: str | None, query: str | None, language: Language, shown: int, request: gr.Request) -> tuple[Any, ...]:
        if self.service is None or job_id is None or not may_edit(request):
            return gr.skip(), gr.Timer(active=False), gr.skip()
        try:
            job = self.service.jobs.find(job_id)
        except Refusal as problem:  # forgotten since
            return problem_html(problem), gr.Timer(active=False), gr.skip()
        if job.status in UNDER_WAY:
            return job_html(job, language), gr.skip(), gr.skip()
        return job_html(job, language), gr.Timer(active=False), self._listed(query, language, shown, edits=True)

    def _remove(self, language: Language, given: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        if self.service is None or not may_edit(request):
            return element("p", "problem", language, said("editors_only", language)), None, gr.Timer(active=False)
        try:
            job = self.service.jobs.remove([str(given.statement)])
        except Refusal as problem:
            return problem_html(problem), None, gr.Timer(active=False)
        return job_html(job, language), job.job_id, gr.Timer(active=True)

    def _relabel(self, query: str | None, language: Language, shown: int, request: gr.Request) -> list[Any]:
        words = STRINGS[language]
        return [
            gr.Tab(words["tab_statements"]),
            gr.Textbox(**self._query_labels(language)),
            self._upload_html(language),
            self._list(query, language, shown, request),
        ]

    def _upload_html(self, language: Language) -> str:
        return upload_html(STRINGS[language]["upload"], "api/v1/jobs", sorted(READERS), language, several=True)

    def _query_labels(self, language: Language) -> dict[str, Any]:
        words = STRINGS[language]
        return {"label": words["browse_query"], "placeholder": words["browse_placeholder"], "rtl": language == "ar"}


def may_edit(request: gr.Request) -> bool:
    """Say whether whoever sits at the window may add and remove statements."""
    return bool((request.request.scope.get("bayan.caller", LOCAL) if request.request else LOCAL).may("editor"))


def only_editors(act: Callable[..., Any]) -> Callable[..., Any]:
    """Return what does as `act` does for editors, and for all others nothing: an event can be sent by any program."""

    def acting(request: gr.Request, *given: Any) -> Any:
        return act(*given) if may_edit(request) else gr.skip()

    return acting


# Drawing


def upload_html(label: str, to: str, suffixes: Sequence[str], interface: Language, *, several: bool = False) -> str:
    """Draw the button that has files chosen and sends them to one of our own doors; `ui/window/script.js` does so and tells what came of
    it.
    """
    many = " multiple" if several else ""
    chooser = f'<input type="file" class="spoken" data-to="{to}" accept="{",".join(suffixes)}"{many}>'
    return element("label", "upload", interface, f"{isolate(label, interface)}{chooser}")


def refused_html(given: gr.EventData) -> str:
    """Draw why files that the browser sent were not taken, in the words that it was told."""
    return element("p", "problem detail", "en", isolate(str(given.detail)[:500], "en"))


def statements_html(
    statements: Sequence[Statement],
    query: str,
    hits: Sequence[Hit],
    interface: Language,
    *,
    shown: int = SHOWN,
    edits: bool = False,
) -> str:
    """Draw the statements whose titles hold the query's words, then those whose text was found by it; without a query the newest.

    At most `shown` of them, and then a button for more. `edits`: each can be removed.
    """
    wanted = fold(query).split()
    titled = [statement for statement in statements if all(word in fold(f"{statement.title} {statement.issuer or ''}") for word in wanted)]
    by_id, found = {statement.statement_id: statement for statement in statements}, {hit.statement_id: hit for hit in reversed(hits)}
    others = [by_id[key] for hit in hits if (key := hit.statement_id) in by_id and found[key] is hit and by_id[key] not in titled]
    fitting = [*titled, *others]
    listed = fitting[:shown]
    count = said("browse_count", interface, shown=len(listed), all=len(statements))
    rows = "".join(_row(statement, found.get(statement.statement_id) if wanted else None, interface, edits) for statement in listed)
    if not rows:
        return element("p", "note", interface, said("browse_none" if statements else "add_head", interface))
    more = element("button", "more", interface, said("browse_more", interface)) if len(fitting) > shown else ""
    return element("p", "note", interface, count) + f'<ul class="statements">{rows}</ul>{more}'


def _row(statement: Statement, hit: Hit | None, interface: Language, edits: bool) -> str:
    key = escape(statement.statement_id)
    title = element("button", "open title", statement.language, isolate(statement.title, statement.language), f' data-open="s:{key}"')
    text = " ".join(hit.text.split()) if hit else ""
    short = text[:SNIPPET_CHARS].rsplit(" ", 1)[0] + " …" if len(text) > SNIPPET_CHARS else text
    snippet = element("p", "snippet", hit.language, isolate(short, hit.language)) if hit else ""
    about = meta_html(statement, interface) + snippet + source_html(statement.source, interface)
    return f"<li>{title}{about}{_removal(key, interface) if edits else ''}</li>"


def _removal(key: str, interface: Language) -> str:
    """A button that asks once more before it removes."""
    sure = (
        f'<span class="sure" hidden>{said("remove_sure", interface)} <button class="remove" data-statement="{key}">'
        f'{said("remove_yes", interface)}</button> <button class="keep">{said("remove_no", interface)}</button></span>'
    )
    return element("div", "removal", interface, f'<button class="ask-remove">{said("remove", interface)}</button>{sure}')


def job_html(job: Job, interface: Language) -> str:
    """Draw an upload or a removal: under way, failed, or what it brought, each refused file with its reason."""
    if job.status in UNDER_WAY:
        label = said(f"job_{job.status}", interface, count=len(job.files)) if job.files else said("removing", interface)
        return element("p", "note", interface, label) + f'<progress aria-label="{label}"></progress>'
    if job.report is None:
        failed = said("job_failed" if job.files else "removal_failed", interface)
        return element("p", "problem", interface, failed) + element("p", "detail", "en", isolate(job.problem or "", "en"))
    if not job.files:
        return element("p", "note", interface, icon("check") + said("removed", interface))
    return report_html(job.report, interface)


def report_html(report: IngestReport, interface: Language) -> str:
    """Draw what an ingest changed, and what was refused or doubtful, each with its file and reason."""
    counts = {name: getattr(report, name) for name in ("added", "updated", "unchanged")}
    told = element("p", "note", interface, icon("check") + said("job_done", interface, **counts, rejected=len(report.rejected)))
    reasons = [*(("problem", each) for each in report.rejected), *(("detail", each) for each in report.warnings)]
    lines = (f"{each.source}: {each.reason}" for _, each in reasons)
    return told + "".join(element("p", kind, "en", isolate(line[:500], "en")) for (kind, _), line in zip(reasons, lines, strict=True))


def problem_html(problem: Exception) -> str:
    """Draw what went wrong, in its own words, which say how to mend it."""
    return element("p", "problem detail", "en", isolate(str(getattr(problem, "detail", problem))[:500], "en"))
