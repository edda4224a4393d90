"""Conversations kept in the reader's browser: the menu above the chat that opens, exports and forgets them.

They lie in the browser's own storage; the server sees one when it is opened, and keeps none. Draws, lays out and wires.

    History("ar")  # within gr.Blocks
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from secrets import token_hex
from typing import Any

import gradio as gr

from rag.schema import Language
from ui.html.cards import evidence_html
from ui.html.export import FORMATS, Format, export
from ui.html.icons import icon
from ui.html.markup import date_html, element, isolate, message_language, said
from ui.service.conversation import Conversation, add_kept, entries_of, find_kept, remove_kept
from ui.service.service import now
from ui.window.controller import Controller

PRIVATE: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
STORAGE = "bayan-conversations"


class History:
    """The menu's parts and what each event does to them."""

    def __init__(self, desk: Controller, language: Language, bound: Callable[..., str]) -> None:
        self.desk = desk
        self.shelf = gr.BrowserState([], storage_key=STORAGE, secret=STORAGE)  # its own key: a new one would make them unreadable
        self.name = gr.State("")
        self.menu = gr.HTML(
            menu_html([], "", language), elem_id="history", js_on_load=bound("history", "begin", "choose", "forget", "export")
        )
        self.file = gr.HTML("", elem_id="file", js_on_load=bound("file"))

    def wire(self, app: gr.Blocks, conversation: gr.State, switch: gr.Radio, chat: gr.HTML, panel: gr.HTML, *asked: Any) -> None:
        """Join events to what they do; `asked` are the events after which there is something to keep."""
        menu, shown = [self.shelf, self.name, self.menu], [conversation, self.name, chat, panel, self.menu]
        for event in asked:
            event.then(self._keep, [self.shelf, self.name, conversation, switch], menu, **PRIVATE)
        self.menu.begin(self._begin, [self.shelf, switch], shown, **PRIVATE)
        self.menu.choose(self._choose, [self.shelf, switch], shown, **PRIVATE)
        self.menu.forget(self._forget, [self.shelf, self.name, switch], menu, **PRIVATE)
        self.menu.export(self._export, [conversation, switch], self.file, **PRIVATE)
        drawn: dict[str, Any] = {"inputs": [self.shelf, self.name, switch], "outputs": self.menu, **PRIVATE}
        app.load(menu_html, **drawn)
        switch.change(menu_html, queue=False, **drawn)

    def _keep(self, shelf: object, name: str, conversation: Conversation, language: Language) -> tuple[Any, ...]:
        if not any(turn.answer for turn in conversation):
            return (gr.skip(),) * 3
        name = name or token_hex(6)
        kept = add_kept(shelf, name, conversation, now())
        return kept, name, menu_html(kept, name, language)

    def _begin(self, shelf: object, language: Language) -> tuple[Any, ...]:
        return (), "", self.desk.talk((), language), evidence_html((), language), menu_html(shelf, "", language)

    def _choose(self, shelf: object, language: Language, chosen: gr.EventData) -> tuple[Any, ...]:
        name = str(chosen.name)
        conversation = tuple(self.desk.with_statements(turn) for turn in find_kept(shelf, name))
        talk, panel = self.desk.talk(conversation, language), evidence_html(conversation, language)
        return conversation, name, talk, panel, menu_html(shelf, name, language)

    def _forget(self, shelf: object, name: str, language: Language, chosen: gr.EventData) -> tuple[Any, ...]:
        """Take a conversation off the shelf; the one on the screen stays there, and is kept again when it goes on."""
        kept = remove_kept(shelf, str(chosen.name))
        name = "" if name == chosen.name else name
        return kept, name, menu_html(kept, name, language)

    def _export(self, conversation: Conversation, language: Language, chosen: gr.EventData) -> str:
        form: Format = next((known for known in FORMATS if known == chosen.form), "html")
        if not any(turn.answer for turn in conversation):
            gr.Info(said("export_nothing", language), title=said("name", language))
            return ""
        data = b64encode(export(conversation, form, language)).decode()
        name = f"bayan-{now()[:16].replace(':', '')}.{form}"
        return f'<a download="{name}" data-at="{token_hex(4)}" href="data:{FORMATS[form]};base64,{data}">{name}</a>'


def menu_html(shelf: object, name: str, interface: Language) -> str:
    """Draw the menu: a new conversation, those kept in this browser, and the export of the one shown."""
    entries = entries_of(shelf)
    begin = f'<button class="begin">{said("history_begin", interface)}</button>'
    rows = "".join(_row(entry, entry["name"] == name, interface) for entry in entries)
    listed = f"<ul>{rows}</ul>" if rows else element("p", "note", interface, said("history_none", interface))
    note = element("p", "note", interface, said("history_note", interface))
    summary = said("history", interface, count=len(entries))
    kept = f"<details class='menu kept'><summary>{summary}</summary><div>{listed}{note}</div></details>"
    forms = "".join(f'<button data-form="{form}" dir="ltr">{form.upper()}</button>' for form in FORMATS)
    exported = f"<details class='menu'><summary>{said('export', interface)}</summary><div class='forms'>{forms}</div></details>"
    return element("nav", "bar", interface, begin + kept + exported, f' aria-label="{said("history_label", interface)}"')


def _row(entry: dict[str, Any], current: bool, interface: Language) -> str:
    language = message_language(entry["title"], default=interface)
    here = ' aria-current="true"' if current else ""
    key = _attribute(entry["name"])
    title = element("button", "choose", language, isolate(entry["title"], language), f' data-name="{key}"{here}')
    label = said("history_forget", interface)
    forget = f'<button class="forget" data-name="{key}" aria-label="{label}" title="{label}">{icon("close")}</button>'
    return f"<li>{title}{date_html(entry['when'][:10], interface)}{forget}</li>"


def _attribute(name: str) -> str:
    """A name of ours is hexadecimal; a browser may send anything."""
    return "".join(char for char in name if char in "0123456789abcdef")
