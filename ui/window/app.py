"""The chat window: Gradio Blocks, laid out and joined to what each event does.

Knows nothing of how answers are found (that is the assistant), what an event does (`ui/window/controller.py`), what is drawn
(`ui/html/render.py`, `ui/html/cards.py`, `ui/html/reader.py`) or served (`ui/window/page.py`).

    build_app(Assistant.open("index")).launch()
"""

from __future__ import annotations

import os
from typing import Any

import gradio as gr

from rag.schema import Language
from ui.html.about import about_html, header_html
from ui.html.cards import evidence_html
from ui.service.evaluations import Evaluations
from ui.service.service import Service
from ui.strings import LANGUAGE_NAMES, STRINGS
from ui.window.browse import Browse, may_edit
from ui.window.controller import Answering, Controller
from ui.window.eval_tab import EvalTab
from ui.window.filter_bar import FilterBar
from ui.window.flag_form import FlagForm
from ui.window.history import History

CONCURRENT_QUESTIONS = 4
PRIVATE: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}

TURN_PAGE = """(language, ...rest) => {
  Object.assign(document.documentElement, { lang: language, dir: language === 'ar' ? 'rtl' : 'ltr' });
  return [language, ...rest];
}"""


def build_app(
    assistant: Answering,
    evaluations: Evaluations | None = None,
    service: Service | None = None,
    *,
    language: Language = "ar",
    at_once: int = CONCURRENT_QUESTIONS,
) -> gr.Blocks:
    """Lay out the window and wire it to the assistant; with `evaluations`, in a tab beside theirs."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    app = gr.Blocks(title="بيان · Bayan", analytics_enabled=False, fill_width=True)
    with app:
        Window(app, Controller(assistant, service, flags=evaluations is not None), evaluations, language)
    app.queue(default_concurrency_limit=at_once)
    return app


class Window:
    """The window's parts; made within `gr.Blocks`."""

    def __init__(self, app: gr.Blocks, desk: Controller, evaluations: Evaluations | None, language: Language) -> None:
        self.desk, words = desk, STRINGS[language]
        self.conversation, self.place = gr.State(()), gr.State()
        with gr.Row(elem_id="masthead"):
            self.header = gr.HTML(header_html(language), elem_id="header")
            names = [(name, code) for code, name in LANGUAGE_NAMES.items()]
            self.switch = gr.Radio(names, value=language, label=words["language_label"], elem_id="switch", container=False)
        with gr.Tabs(elem_id="tabs", overflow_behavior="wrap"):
            with gr.Tab(words["tab_chat"], id="chat") as self.talking, gr.Row(elem_id="desk"):
                self._lay_desk(language)
                form = FlagForm(evaluations, desk.assistant.statements, language) if evaluations else None
            with gr.Tab(words["tab_statements"], id="statements") as self.holding:
                self.browse = Browse(desk.assistant, desk.service, language, _bound)
            if evaluations and form:
                with gr.Tab(words["tab_evaluation"], id="evaluation") as measuring:
                    bench = EvalTab(evaluations, language, _bound)
                form.wire(self.chat, self.switch, self.conversation)
                bench.wire(self.switch, measuring, app)
            if desk.service:
                with gr.Tab(words["tab_about"], id="about") as self.telling:
                    self.about = gr.HTML("", elem_id="about")
        self.reader = gr.HTML("", elem_id="reader", js_on_load=_bound("reader", "open"))
        self._wire(app)

    def _lay_desk(self, language: Language) -> None:
        with gr.Column(scale=3, min_width=300, elem_id="talk"):
            self.history = History(self.desk, language, _bound)
            self.chat = gr.HTML(self.desk.talk((), language), elem_id="chat", js_on_load=_bound("chat", "example", "doubt", "thumb"))
            self.filter_bar = FilterBar(self.desk.assistant, language, _bound)
            self.box = gr.Textbox(**self.desk.box_labels(language), max_lines=5, elem_id="question")
        with gr.Column(scale=2, min_width=300, elem_id="side"):
            self.panel = gr.HTML(evidence_html((), language), elem_id="evidence", js_on_load=_bound("panel"))

    def _wire(self, app: gr.Blocks) -> None:
        desk, switch, talk = self.desk, self.switch, self.conversation
        asked = [self.box, switch, talk, self.filter_bar.filters]
        asking: dict[str, Any] = {"inputs": asked, "outputs": [self.box, self.chat, self.panel, talk], **PRIVATE}
        typed = self.box.submit(desk.ask, **asking)
        chosen = self.chat.example(desk.choose, None, self.box, **PRIVATE).then(desk.ask, **asking)
        app.load(desk.linked_language, None, switch, **PRIVATE)
        linked = app.load(desk.ask_linked, **asking | {"inputs": [switch, talk]})
        stopped: dict[str, Any] = {"cancels": [typed, chosen, linked], "queue": False, **PRIVATE}
        self.box.stop(desk.stop, [switch, talk], [self.box, self.chat, talk], **stopped)
        self.reader.open(desk.open, [talk, switch], [self.reader, self.place], **PRIVATE)
        self.chat.thumb(desk.judge, [talk, switch], [self.chat, talk], **PRIVATE)
        self.history.wire(app, talk, switch, self.chat, self.panel, typed, chosen, linked)
        self.filter_bar.wire(app, switch, self.talking)
        self.browse.wire(app, switch, self.holding)
        refreshed = gr.on([self.talking.select, app.load], desk.refresh, [talk, switch], self.chat, **PRIVATE)
        if desk.service:
            gr.on([self.telling.select, switch.change], self._tell, switch, [self.telling, self.about], **PRIVATE)
        relabelled = [self.header, switch, self.talking, self.chat, self.box, self.panel, self.reader]
        turned = switch.change(desk.relabel, [switch, talk, self.place], relabelled, js=TURN_PAGE, queue=False, **PRIVATE)
        for drawn in (refreshed, turned):
            drawn.then(desk.settle, [talk, switch], [self.chat, self.panel], queue=False, **PRIVATE)

    def _tell(self, language: Language, request: gr.Request) -> tuple[Any, str]:
        """Say what is in use; where things lie is for those who may change them."""
        service = self.desk.service
        if service is None:
            return gr.skip(), ""
        tab = gr.Tab(STRINGS[language]["tab_about"])
        return tab, about_html(service.settings, self.desk.assistant.facets(), language, may_see=may_edit(request))


def _bound(part: str, *events: str) -> str:
    """The line that hands a part to `ui/window/script.js`; Gradio wants the names of its events in it, in quotes."""
    return f"bayan.{part}(element, trigger, watch{''.join(f', {event!r}' for event in events)})"
