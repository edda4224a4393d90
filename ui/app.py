"""The chat window: Gradio Blocks over an assistant.

Knows nothing of how answers are found (that is the assistant), drawn (`ui/render.py`) or served (`ui/server.py`).
Nothing here, in the server or in the page, makes a connection to any other host: fonts come from this process and a content policy
forbids the rest.

    mount_chat(FastAPI(), Assistant.open("index"))
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

import gradio as gr
from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.errors import BayanError
from rag.schema import Answer, Completed, Delta, Event, Language, Statement
from ui.eval_tab import EvalTab, mount_reports
from ui.evaluations import Evaluations
from ui.flag_form import FlagForm
from ui.render import DIRECTIONS, Exchange, conversation_html, evidence_html, header_html
from ui.strings import LANGUAGE_NAMES, STRINGS

log = logging.getLogger(__name__)

STYLE = Path(__file__).with_name("style.css")
FONT = "IBM Plex Sans Arabic"
MAX_EXAMPLES = 4
MAX_EXAMPLE_CHARS = 90
CONCURRENT_QUESTIONS = 4
ANSWERS_REMEMBERED = 6
MAX_SET_SIZE = "50mb"
CONTENT_POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; base-uri 'self'; form-action 'self'; object-src 'none'; "
    "frame-ancestors {framed_by}"
)

Conversation = tuple[Exchange, ...]

# The page's only scripts of ours. Chat: send a chosen example; bring the newest question and its answer into view.
CHAT_SCRIPT = """
element.addEventListener('click', ({ target }) => {
  const example = target.closest('.example');
  if (example) trigger('example', { text: example.textContent });
  const flag = target.closest('.flag');
  if (flag) trigger('doubt', { turn: [...element.querySelectorAll('.exchange')].indexOf(flag.closest('.exchange')) });
});
watch('value', () => {
  const newest = [...element.querySelectorAll('.exchange')].at(-1);
  if (newest) newest.scrollIntoView({ block: 'nearest' });
});
"""
# Panel: show the card a chip points to, bring each quote into view; let the box follow the typed language.
PANEL_SCRIPT = """
const show = (card) => {
  const sets = element.querySelectorAll('section');
  sets.forEach((set) => { set.hidden = card ? !set.contains(card) : set !== sets[sets.length - 1]; });
  element.querySelectorAll('.context').forEach((context) => {
    const mark = context.querySelector('mark');
    context.scrollTop = mark.offsetTop - 24;
  });
};
document.addEventListener('click', (event) => {
  const link = event.target.closest('a[href^="#evidence-"]');
  const card = link && document.getElementById(link.getAttribute('href').slice(1));
  if (!link) return;
  event.preventDefault();
  if (!card) return;
  show(card);
  card.scrollIntoView({ block: 'nearest', behavior: 'smooth' });
  card.focus({ preventScroll: true });
  card.classList.remove('flash');
  void card.offsetWidth;
  card.classList.add('flash');
});
document.addEventListener('input', ({ target }) => {
  if (target.tagName !== 'TEXTAREA') return;
  const count = (letters) => (target.value.match(letters) || []).length;
  const lead = count(/\\p{Script=Arabic}/gu) - count(/\\p{Script=Latin}/gu);
  target.dir = lead > 0 ? 'rtl' : lead < 0 ? 'ltr' : document.documentElement.dir;
});
watch('value', () => show(null));
"""
TURN_PAGE = """(language, ...rest) => {
  Object.assign(document.documentElement, { lang: language, dir: language === 'ar' ? 'rtl' : 'ltr' });
  return [language, ...rest];
}"""


class Answering(Protocol):
    """What the chat needs of the assistant."""

    def stream(self, question: str, *, history: Sequence[Any] = (), language: Language | None = None) -> Iterator[Event]: ...
    def statement(self, statement_id: str) -> Statement: ...
    def statements(self) -> list[Statement]: ...


# Page


def mount_chat(
    web: FastAPI,
    assistant: Answering,
    evaluations: Evaluations | None = None,
    *,
    language: Language = "ar",
    framed_by: Sequence[str] = (),
    at_once: int = CONCURRENT_QUESTIONS,
) -> FastAPI:
    """Add the chat window at "/" and its fonts at "/fonts" to a web application; routes added before keep their paths.

    With `evaluations` the window has a tab for them, and answers can be made into test questions. `framed_by`: the origins whose pages
    may show it in a frame. `at_once`: how many questions are answered at a time.
    """
    if evaluations:
        mount_reports(web, evaluations)
    web.mount("/fonts", StaticFiles(directory=str(files("fontpkg_ibm_plex_sans_arabic") / "files")))
    web.add_middleware(OwnPage, language=language, framed_by=framed_by)
    gr.mount_gradio_app(
        web,
        build_app(assistant, evaluations, language=language, at_once=at_once),
        path="/",
        theme=gr.themes.Base(font=[gr.themes.Font(FONT), "sans-serif"], font_mono=["monospace"]),
        css_paths=STYLE,
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        mcp_server=False,
        ssr_mode=False,
        pwa=False,
        show_error=False,
        max_file_size=MAX_SET_SIZE if evaluations else "1kb",  # question sets are all that is taken
    )
    return web


class OwnPage:
    """Turn Gradio's page into ours: language and direction at the root, no foreign addresses, no connections to other hosts."""

    def __init__(self, app: ASGIApp, *, language: Language, framed_by: Sequence[str] = ()) -> None:
        self.app, self.language = app, language
        self.policy = CONTENT_POLICY.format(framed_by=" ".join(framed_by) or "'none'")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/":
            await self.app(scope, receive, send)
            return
        plain = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        messages: list[Message] = []

        async def collect(message: Message) -> None:
            messages.append(message)

        await self.app({**scope, "headers": plain}, receive, collect)
        page = self._rewrite(b"".join(message.get("body", b"") for message in messages).decode()).encode()
        start = next(message for message in messages if message["type"] == "http.response.start")
        headers = MutableHeaders(scope=start)
        headers["content-length"], headers["content-security-policy"] = str(len(page)), self.policy
        await send(start)
        await send({"type": "http.response.body", "body": page})

    def _rewrite(self, page: str) -> str:
        page = re.sub(r'<meta\s+(property|name)="(og|twitter):[^>]*>', "", page)
        return page.replace('lang="en"', f'lang="{self.language}" dir="{DIRECTIONS[self.language]}"', 1)


# Window


def build_app(
    assistant: Answering,
    evaluations: Evaluations | None = None,
    *,
    language: Language = "ar",
    at_once: int = CONCURRENT_QUESTIONS,
) -> gr.Blocks:
    """Lay out the chat window and wire it to the assistant; with `evaluations`, in a tab beside theirs."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    desk, words = Desk(assistant, flags=evaluations is not None), STRINGS[language]
    names = [(name, code) for code, name in LANGUAGE_NAMES.items()]
    app = gr.Blocks(title="بيان · Bayan", analytics_enabled=False, fill_width=True)
    with app:
        conversation = gr.State(())
        with gr.Row(elem_id="masthead"):
            header = gr.HTML(header_html(language), elem_id="header")
            switch = gr.Radio(names, value=language, **desk.switch_labels(language), elem_id="switch", container=False)
        with gr.Tabs(elem_id="tabs", elem_classes=[] if evaluations else ["lone"]):
            with gr.Tab(words["tab_chat"], id="chat") as talking, gr.Row(elem_id="desk"):
                with gr.Column(scale=3, min_width=300, elem_id="talk"):
                    chat = gr.HTML(desk.talk((), language), elem_id="chat", js_on_load=CHAT_SCRIPT)
                    box = gr.Textbox(**desk.box_labels(language), max_lines=5, autofocus=True, elem_id="question")
                    form = FlagForm(evaluations, assistant.statements, language) if evaluations else None
                with gr.Column(scale=2, min_width=300, elem_id="side"):
                    panel = gr.HTML(evidence_html((), language), elem_id="evidence", js_on_load=PANEL_SCRIPT)
            if evaluations and form:
                with gr.Tab(words["tab_evaluation"], id="evaluation") as measuring:
                    bench = EvalTab(evaluations, language)
                form.wire(chat, switch, conversation)
                bench.wire(switch, measuring, app)
        _wire(desk, header, switch, talking, chat, box, panel, conversation)
    app.queue(default_concurrency_limit=at_once)
    return app


def _wire(
    desk: Desk, header: gr.HTML, switch: gr.Radio, talking: gr.Tab, chat: gr.HTML, box: gr.Textbox, panel: gr.HTML, conversation: gr.State
) -> None:
    private: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    asking: dict[str, Any] = {"inputs": [box, switch, conversation], "outputs": [box, chat, panel, conversation], **private}
    typed = box.submit(desk.ask, **asking)
    chosen = chat.example(desk.choose, None, box, **private).then(desk.ask, **asking)
    box.stop(desk.stop, [switch, conversation], [box, chat, conversation], cancels=[typed, chosen], queue=False, **private)
    relabelled = [header, switch, talking, chat, box, panel]
    switch.change(desk.relabel, [switch, conversation], relabelled, js=TURN_PAGE, queue=False, **private)


class Desk:
    """What the window does on each event; a session's conversation comes in and goes out with the event."""

    def __init__(self, assistant: Answering, *, flags: bool = False) -> None:
        self.assistant, self.flags = assistant, flags
        statements = assistant.statements()
        self.examples = {language: example_questions(statements, language) for language in LANGUAGE_NAMES}

    def ask(self, question: str, language: Language, past: Conversation) -> Iterator[tuple[Any, ...]]:
        """Answer a question, yielding what box, chat and panel show and the conversation so far."""
        if not question.strip():
            gr.Info(STRINGS[language]["empty_question"], title=STRINGS[language]["name"])
            return
        yield self._busy(language), *self._shown((*past, Exchange(question.strip())), language)
        for exchange in self._progress(Exchange(question.strip()), past):
            yield gr.skip(), *self._shown((*past, exchange), language)
        yield gr.Textbox(**self.box_labels(language)), gr.skip(), gr.skip(), gr.skip()

    def _progress(self, exchange: Exchange, past: Conversation) -> Iterator[Exchange]:
        history = [turn.answer for turn in past if turn.answer][-ANSWERS_REMEMBERED:]
        try:
            for event in self.assistant.stream(exchange.question, history=history):
                exchange = self._advance(exchange, event)
                yield exchange
        except Exception as problem:  # the edge: whatever failed becomes a sentence for the reader
            if not isinstance(problem, BayanError):
                log.exception("the answer failed")
            yield replace(exchange, problem=problem)

    def _advance(self, exchange: Exchange, event: Event) -> Exchange:
        if isinstance(event, Delta) and event.by == "model":
            return replace(exchange, written=exchange.written + event.text)
        if isinstance(event, Delta):
            return replace(exchange, text=exchange.text + event.text)
        if isinstance(event, Completed):
            return replace(exchange, answer=event.answer, statements=self._statements(event.answer))
        return exchange

    def _statements(self, answer: Answer) -> dict[str, Statement]:
        """Fetch what the cards show; a statement that has gone since leaves its quote to stand alone."""
        found = {}
        for statement_id in {citation.statement_id for citation in (*answer.citations, *answer.nearest)}:
            try:
                found[statement_id] = self.assistant.statement(statement_id)
            except BayanError as error:
                log.warning("no text for a citation: %s", error)
        return found

    def _shown(self, conversation: Conversation, language: Language) -> tuple[Any, ...]:
        panel = evidence_html(conversation, language) if conversation[-1].answer else gr.skip()
        return self.talk(conversation, language), panel, conversation

    def choose(self, chosen: gr.EventData) -> str:
        """Put a clicked example into the box."""
        return str(chosen.text)

    def talk(self, conversation: Conversation, language: Language) -> str:
        """Draw the conversation, or the examples before it begins."""
        return conversation_html(conversation, self.examples[language], language, flags=self.flags)

    def stop(self, language: Language, conversation: Conversation) -> tuple[Any, ...]:
        """Mark the answer under way as stopped and free the box."""
        if conversation and not conversation[-1].answer:
            conversation = (*conversation[:-1], replace(conversation[-1], stopped=True))
        return gr.Textbox(**self.box_labels(language)), self.talk(conversation, language), conversation

    def relabel(self, language: Language, conversation: Conversation) -> tuple[Any, ...]:
        """Say everything on the page in the other language; texts of documents and questions stay."""
        return (
            header_html(language),
            gr.Radio(**self.switch_labels(language)),
            gr.Tab(STRINGS[language]["tab_chat"]),
            self.talk(conversation, language),
            gr.Textbox(**self.box_labels(language)),
            evidence_html(conversation, language),
        )

    def switch_labels(self, language: Language) -> dict[str, Any]:
        return {"label": STRINGS[language]["language_label"]}

    def box_labels(self, language: Language) -> dict[str, Any]:
        words = STRINGS[language]
        return {
            "label": words["question_label"],
            "placeholder": words["question_placeholder"],
            "submit_btn": words["send"],
            "stop_btn": False,
            "rtl": language == "ar",
        }

    def _busy(self, language: Language) -> gr.Textbox:
        return gr.Textbox(**self.box_labels(language) | {"value": "", "submit_btn": False, "stop_btn": STRINGS[language]["stop"]})


def example_questions(statements: Iterable[Statement], language: Language) -> list[str]:
    """Make at most four questions from titles, those in the reader's language and the latest first."""
    fit = [statement for statement in statements if 0 < len(statement.title.strip()) <= MAX_EXAMPLE_CHARS]
    ranked = sorted(sorted(fit, key=lambda s: s.date or "", reverse=True), key=lambda s: s.language != language)
    titles = dict.fromkeys(statement.title.strip() for statement in ranked)
    return [STRINGS[language]["example"].format(title=title) for title in list(titles)[:MAX_EXAMPLES]]
