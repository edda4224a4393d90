"""The form below the chat that makes an answer which was not right into a question of the feedback set.

Lays out, wires and asks `evals.questions.feedback` to keep it, which checks the evidence against the statements.

    form = FlagForm(evaluations, assistant.statements, "ar")  # within gr.Blocks
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from evals.questions.feedback import Doubt, FeedbackError, add_question
from rag.language import language_of
from rag.retrieval.followup import in_context
from rag.schema import Answer, Language, Statement
from ui.html.eval_render import flagged_html, problem_html
from ui.service.conversation import Exchange
from ui.service.evaluations import Evaluations
from ui.strings import LANGUAGE_NAMES, STRINGS
from ui.window.browse import may_edit, only_editors

PRIVATE: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
YES, NO = "yes", "no"
BETWEEN_STRETCHES = re.compile(r"\n[^\S\n]*\n")

# Opened, the form comes into view as soon as Gradio has shown it; the first time it is made then.
FORM_SCRIPT = """
const show = () => setTimeout(() => { if (element.textContent.trim()) element.scrollIntoView({ block: 'nearest' }); }, 100);
watch('value', show);
show();
"""


class FlagForm:
    """The form's parts and what each event does to them."""

    def __init__(self, evaluations: Evaluations, statements: Callable[[], list[Statement]], language: Language) -> None:
        self.evaluations, self.statements = evaluations, statements
        self.flagged = gr.State()  # the answer in doubt
        with gr.Column(visible=False, elem_id="flag-form") as self.form:
            self.about = gr.HTML(elem_id="flag-about", js_on_load=FORM_SCRIPT)
            self.question = gr.Textbox(**self._question_labels(language), max_lines=4, elem_id="flag-question")
            self.language = gr.Radio(**self._language_labels(language), elem_id="flag-language")
            self.answerable = gr.Radio(**self._answerable_labels(language), elem_id="flag-answerable")
            self.evidence = gr.Textbox(**self._evidence_labels(language), lines=3, max_lines=10, visible=False, elem_id="flag-evidence")
            self.problem = gr.HTML(elem_id="flag-problem")
            with gr.Row(elem_id="flag-buttons"):
                self.save = gr.Button(STRINGS[language]["flag_save"], variant="primary", elem_id="flag-save")
                self.cancel = gr.Button(STRINGS[language]["flag_cancel"], elem_id="flag-cancel")

    def wire(self, chat: gr.HTML, switch: gr.Radio, conversation: gr.State) -> None:
        """Join events to what they do."""
        filled = [self.form, self.flagged, self.about, self.question, self.language, self.answerable, self.evidence, self.problem]
        chat.doubt(self._open, [conversation, switch], filled, **PRIVATE)
        self.answerable.change(lambda marked: gr.Textbox(visible=marked == YES), self.answerable, self.evidence, queue=False, **PRIVATE)
        given = [self.flagged, self.question, self.language, self.answerable, self.evidence, switch]
        self.save.click(only_editors(self._save), given, [self.form, self.problem], **PRIVATE)
        self.cancel.click(lambda: gr.Column(visible=False), None, self.form, queue=False, **PRIVATE)
        parts = [self.about, self.question, self.language, self.answerable, self.evidence, self.problem, self.save, self.cancel]
        switch.change(only_editors(self._relabel), [switch, self.flagged], parts, queue=False, **PRIVATE)

    def _relabel(self, language: Language, flagged: Answer | None) -> list[Any]:
        """Say everything in the other language; what was typed stays."""
        return [
            self._about(flagged, language),
            gr.Textbox(**self._question_labels(language)),
            gr.Radio(**self._language_labels(language)),
            gr.Radio(**self._answerable_labels(language)),
            gr.Textbox(**self._evidence_labels(language)),
            "",
            gr.Button(STRINGS[language]["flag_save"]),
            gr.Button(STRINGS[language]["flag_cancel"]),
        ]

    # Events

    def _open(self, conversation: Sequence[Exchange], language: Language, clicked: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        """Fill the form with the answer's question, as it was searched for: "and when?" says nothing by itself."""
        answers = [exchange.answer for exchange in conversation[: int(clicked.turn) + 1]]
        answer = answers[-1] if answers else None
        if answer is None or not may_edit(request):
            return (gr.skip(),) * 8
        question = in_context(answer.question, [before for before in answers[:-1] if before])
        fresh = gr.Radio(value=None), gr.Textbox(value="", visible=False), ""
        return gr.Column(visible=True), answer, self._about(answer, language), question, language_of(question), *fresh

    def _save(
        self, flagged: Answer, question: str, spoken: Language, marked: str | None, evidence: str, language: Language
    ) -> tuple[Any, ...]:
        words = STRINGS[language]
        quotes = flagged.citations
        doubt = Doubt(question, spoken, tuple(found.quote for found in quotes), tuple(found.statement_id for found in quotes))
        try:
            if marked not in (YES, NO):
                raise FeedbackError("unmarked")
            stretches = BETWEEN_STRETCHES.split(evidence)
            path, answerable = self.evaluations.feedback, marked == YES
            add_question(path, doubt, answerable=answerable, evidence=stretches, statements=self.statements())
        except FeedbackError as problem:
            return gr.skip(), problem_html(problem, language)
        gr.Info(words["flag_saved"], title=words["name"])
        return gr.Column(visible=False), ""

    # Labels

    def _about(self, flagged: Answer | None, language: Language) -> str:
        return flagged_html(flagged, self.evaluations.feedback.name, language) if flagged else ""

    def _question_labels(self, language: Language) -> dict[str, Any]:
        return {"label": STRINGS[language]["flag_question"]}

    def _language_labels(self, language: Language) -> dict[str, Any]:
        return {"label": STRINGS[language]["flag_language"], "choices": [(name, code) for code, name in LANGUAGE_NAMES.items()]}

    def _answerable_labels(self, language: Language) -> dict[str, Any]:
        words = STRINGS[language]
        return {"label": words["flag_answerable"], "choices": [(words["flag_yes"], YES), (words["flag_no"], NO)]}

    def _evidence_labels(self, language: Language) -> dict[str, Any]:
        words = STRINGS[language]
        return {"label": words["flag_evidence"], "info": words["flag_evidence_help"]}
