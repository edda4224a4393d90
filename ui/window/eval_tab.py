"""The evaluation tab of the window: choose a set, run it, read and compare what came of it.

Lays out and wires; where access is closed, only editors see anything of it or run anything: every event and route asks for the role itself.
Knows nothing of how runs are made and kept (`ui/service/evaluations.py`) or drawn (`ui/html/eval_render.py`).

    EvalTab(Evaluations(settings), "ar")  # within gr.Blocks
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from evals.measuring.runs import RunError
from rag.errors import BayanError
from rag.schema import Language
from ui.html.eval_render import comparison_html, note_html, problem_html, report_html, result_html, run_label, state_html, unfinished_html
from ui.html.markup import element, said
from ui.service.evaluations import UPLOADS, Evaluations
from ui.strings import STRINGS
from ui.window.browse import may_edit, only_editors, refused_html, upload_html

PRIVATE: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
POLL_S = 0.7
WITHOUT = ""  # the choice of no comparison


class EvalTab:
    """The tab's parts and what each event does to them. Every session sees the same run under way."""

    def __init__(self, evaluations: Evaluations, language: Language, bound: Callable[..., str]) -> None:
        self.evaluations = evaluations
        words = STRINGS[language]
        with gr.Row(elem_id="bench"):
            with gr.Column(scale=2, min_width=300, elem_id="bench-choose"):
                self.intro = gr.HTML(self._intro(language))
                self.sets = gr.Dropdown([], label=words["eval_sets"], filterable=False, elem_id="eval-set")
                self.upload = gr.HTML(self._upload_html(language), elem_id="eval-upload", js_on_load=bound("upload", "uploaded", "refused"))
                self.search = gr.Checkbox(label=words["eval_retrieval_only"], elem_id="eval-search")
                self.start = gr.Button(words["eval_run"], variant="primary", elem_id="eval-start")
                self.end = gr.Button(words["eval_stop"], variant="stop", visible=False, elem_id="eval-stop")
                self.state = gr.HTML(elem_id="eval-state")
            with gr.Column(scale=3, min_width=300, elem_id="bench-read"):
                self.runs = gr.Dropdown([], label=words["eval_runs"], filterable=False, elem_id="eval-run")
                self.before = gr.Dropdown([], label=words["eval_before"], filterable=False, elem_id="eval-before")
                self.result = gr.HTML(elem_id="eval-result")
        self.timer = gr.Timer(POLL_S, active=False)

    def wire(self, switch: gr.Radio, shown: gr.Tab, app: gr.Blocks) -> None:
        """Join events to what they do; `shown` is the tab itself."""
        following = [self.state, self.start, self.end, self.timer, self.runs, self.before, self.result]
        self.upload.uploaded(self._kept, switch, [self.sets, self.state], **PRIVATE)
        self.upload.refused(refused_html, None, self.state, **PRIVATE)
        self.start.click(self._start, [self.sets, self.search, switch], [self.state, self.start, self.end, self.timer], **PRIVATE)
        self.end.click(self._stop, switch, self.state, queue=False, **PRIVATE)
        self.timer.tick(only_editors(self._follow), [switch, self.runs, self.before], following, **PRIVATE)
        chosen: dict[str, Any] = {"inputs": [self.runs, self.before, switch], "outputs": [self.before, self.result], **PRIVATE}
        gr.on([self.runs.change, self.before.change], only_editors(self._show), **chosen)
        parts = [self.intro, self.sets, self.upload, self.search, self.start, self.end, self.state, self.runs, self.before, self.result]
        spoken = [switch, self.sets, self.runs, self.before]
        switch.change(only_editors(self._relabel), spoken, [shown, *parts], queue=False, **PRIVATE)
        for event in (shown.select, app.load):  # sets and runs may have come by the chat, another window or a terminal
            seen = [self.sets, self.runs, self.before, *following[:4]]
            event(only_editors(self._refresh), [switch, self.sets, self.runs, self.before], seen, **PRIVATE)

    def _relabel(self, language: Language, chosen: str | None, run: str | None, before: str | None) -> list[Any]:
        """Say everything in the other language."""
        words = STRINGS[language]
        return [
            gr.Tab(words["tab_evaluation"]),
            self._intro(language),
            gr.Dropdown(**self._set_choices(language, chosen)),
            self._upload_html(language),
            gr.Checkbox(label=words["eval_retrieval_only"]),
            gr.Button(words["eval_run"]),
            gr.Button(words["eval_stop"]),
            state_html(self.evaluations.state, language),
            gr.Dropdown(**self._run_choices(language, run)),
            gr.Dropdown(**self._before_choices(language, run, before)),
            self._result(run, before, language),
        ]

    # Events

    def _kept(self, language: Language, given: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        """Choose the set that the browser has brought."""
        if not may_edit(request):
            return gr.skip(), refusal_html(language)
        name = str(given.answer["name"])
        gr.Info(STRINGS[language]["eval_kept"].format(name=Path(name).name), title=STRINGS[language]["name"])
        return gr.Dropdown(**self._set_choices(language, name)), ""

    def _start(self, name: str | None, retrieval_only: bool, language: Language, request: gr.Request) -> tuple[Any, ...]:
        if not may_edit(request):
            return refusal_html(language), *self._buttons()
        try:
            if chosen := next((found for found in self.evaluations.sets() if self.evaluations.shown_name(found) == name), None):
                self.evaluations.start(chosen, retrieval_only=retrieval_only)
        except BayanError as problem:
            return problem_html(problem, language), *self._buttons()
        return state_html(self.evaluations.state, language), *self._buttons()

    def _stop(self, language: Language, request: gr.Request) -> str:
        if not may_edit(request):
            return refusal_html(language)
        self.evaluations.stop()
        return state_html(self.evaluations.state, language)

    def _follow(self, language: Language, run: str | None, before: str | None) -> tuple[Any, ...]:
        """Draw how far the run is; once it has ended, show it among the stored ones, and chosen.

        A tick that comes late, after the run was shown, leaves what the reader has chosen since to be set beside it.
        """
        state = self.evaluations.state
        buttons = self._buttons()
        if state.is_running:
            return state_html(state, language), *buttons, gr.skip(), gr.skip(), gr.skip()
        chosen = state.run or (None if state.ended == "stopped" else run)  # the latest is the one that was stopped
        runs = self._run_choices(language, chosen)
        befores = self._before_choices(language, runs["value"], before)
        result = self._result(runs["value"], befores["value"], language)  # one that was shown as unfinished is not chosen anew
        return state_html(state, language), *buttons, gr.Dropdown(**runs), gr.Dropdown(**befores), result

    def _refresh(self, language: Language, chosen: str | None, run: str | None, before: str | None) -> tuple[Any, ...]:
        sets, runs = self._set_choices(language, chosen), self._run_choices(language, run)
        choices = (sets, runs, self._before_choices(language, runs["value"], before))
        return *(gr.Dropdown(**each) for each in choices), state_html(self.evaluations.state, language), *self._buttons()

    def _show(self, run: str | None, before: str | None, language: Language) -> tuple[Any, ...]:
        choices = self._before_choices(language, run, before)
        if choices["value"] == before:  # said again, it would undo what the reader chose while this was drawn
            del choices["value"]
        return gr.Dropdown(**choices), self._result(run, before, language)

    # What is shown

    def _buttons(self) -> tuple[Any, ...]:
        running = self.evaluations.state.is_running
        return gr.Button(interactive=not running), gr.Button(visible=running), gr.Timer(active=running)

    def _intro(self, language: Language) -> str:
        words = STRINGS[language]
        help_text = words["eval_upload_help"].format(folder=self.evaluations.sets_folder.name)
        return note_html(words["eval_intro"], language) + note_html(help_text, language)

    def _upload_html(self, language: Language) -> str:
        return upload_html(STRINGS[language]["eval_upload"], "evaluations/sets", UPLOADS, language)

    def _set_choices(self, language: Language, chosen: str | None = None) -> dict[str, Any]:
        words, paths = STRINGS[language], self.evaluations.sets()
        named = {self.evaluations.feedback: words["eval_set_feedback"], self.evaluations.samples: words["eval_set_samples"]}
        choices = [(named.get(path, path.name), self.evaluations.shown_name(path)) for path in paths]
        value = chosen if chosen in {name for _, name in choices} else choices[0][1] if choices else None
        return {"label": words["eval_sets"], "choices": choices, "value": value, "info": None if choices else words["eval_no_sets"]}

    def _run_choices(self, language: Language, chosen: str | None = None) -> dict[str, Any]:
        words, stored = STRINGS[language], self.evaluations.runs()
        value = chosen if chosen in {run.name for run in stored} else stored[0].name if stored else None
        choices = [(run_label(run, language), run.name) for run in stored]
        return {"label": words["eval_runs"], "choices": choices, "value": value, "info": None if stored else words["eval_no_runs"]}

    def _before_choices(self, language: Language, run: str | None, before: str | None = None) -> dict[str, Any]:
        """Whole runs other than the chosen one."""
        words = STRINGS[language]
        whole = [stored for stored in self.evaluations.runs() if stored.complete and stored.name != run]
        others = [(run_label(stored, language), stored.name) for stored in whole]
        value = before if before in {name for _, name in others} else WITHOUT
        return {"label": words["eval_before"], "choices": [(words["eval_nothing"], WITHOUT), *others], "value": value}

    def _result(self, run: str | None, before: str | None, language: Language) -> str:
        """The headline figures, the comparison when one is asked for, and the full report."""
        stored = {found.name: found for found in self.evaluations.runs()}
        if run not in stored:
            return ""
        if not stored[run].complete:
            return unfinished_html(stored[run], language)
        before = before if before in stored and before != run else None
        try:
            html = self._comparison(run, before, language) if before else ""
            return html + result_html(self.evaluations.run(run), language) + report_html(run, before, language)
        except BayanError as problem:
            return problem_html(problem, language)

    def _comparison(self, run: str, before: str, language: Language) -> str:
        stored = {found.name: run_label(found, language) for found in self.evaluations.runs()}
        found = self.evaluations.run(run)
        try:
            compared = self.evaluations.compared(run, before)
        except RunError:
            return note_html(STRINGS[language]["eval_incomparable"], language)
        questions: dict[str, dict[str, str]] = {name: {} for name in compared}
        for row in found.rows:
            questions.setdefault(row.set_name, {})[row.question.question_id] = row.question.question
        return comparison_html(compared, questions, before=stored[before], after=stored[run], interface=language)


def refusal_html(language: Language) -> str:
    """Say who may run evaluations."""
    return element("p", "problem", language, said("eval_editors_only", language))
