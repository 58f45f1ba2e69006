"""A prompt at the bottom of the screen: for the filter, or for a key to go to."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.events import Hide, Key
from textual.message import Message
from textual.suggester import Suggester, SuggestionReady
from textual.widgets import Input, Static

from explorer.model.sanitize import sanitize
from explorer.tui.cells import safe_content
from explorer.tui.type_ahead import TypeAheadApp
from explorer.tui.widgets.inputs import OrderedInput

COMPLETION_DELAY: Final = 0.15
"""Seconds without a key press after which a completion is searched for."""
MAX_HISTORY: Final = 100
"""Submitted texts that the arrow keys recall."""


class PromptInput(OrderedInput):
    """The input of a prompt: tab and right accept the completion, up and down recall submitted texts."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab,shift+tab", "complete", show=False),
        Binding("up", "recall(-1)", show=False),
        Binding("down", "recall(1)", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(compact=True)
        self.is_finished = False
        """True if enter or escape was pressed: keys pressed after that are for what has the focus next."""
        self.held_keys: list[Key] = []
        """Keys that were pressed after it was finished."""
        self._completing: str | None = None
        """The text whose completion is accepted as soon as it is found, because tab was pressed."""
        self._submit_when_completed = False
        """True if enter was pressed after that tab."""
        self._history: list[str] = []
        self._history_index = 0

    async def _on_key(self, event: Key) -> None:
        if self._submit_when_completed and event.key == "escape":
            self._submit_when_completed = self.is_finished = False
        if self.is_finished:
            key = Key(event.key, event.character)
            key.time = event.time
            self._hold(key)
            event.stop()
            event.prevent_default()
            return
        self.is_finished = event.key in {"enter", "escape"}
        if event.key == "enter" and self.value == self._completing:
            self._submit_when_completed = True  # the completed text is to be submitted
            event.stop()
            event.prevent_default()
            return
        await super()._on_key(event)

    def _hold(self, key: Key) -> None:
        """Hold a key until the prompt is closed; if it is by now, deliver the key to what has the focus."""
        app = self.app
        if self.screen.focused is not self and isinstance(app, TypeAheadApp):
            app.requeue_keys([key])
        else:
            self.held_keys.append(key)

    def _on_hide(self, event: Hide) -> None:
        """Keep the focus in an open prompt: the message is about the time before it was opened again."""
        if isinstance(self.parent, Prompt) and self.parent.is_open:
            event.prevent_default()

    def start(self, text: str) -> None:
        """Start with a text."""
        self.is_finished, self._completing, self._submit_when_completed = False, None, False
        self.held_keys.clear()
        self._history_index = len(self._history)
        self._replace(text)

    def remember(self, text: str) -> None:
        """Add a submitted text to the history."""
        if text:
            self._history = [*(other for other in self._history if other != text), text][-MAX_HISTORY:]

    def action_complete(self) -> None:
        """Accept the completion, now or as soon as it is found."""
        self.action_end()
        if self._suggestion:
            self.action_cursor_right()
        elif isinstance(self.suggester, _Completion) and self.suggester.is_pending(self.value):
            self._completing = self.value

    def action_recall(self, by: int) -> None:
        """Show an earlier or later text of the history."""
        at = self._history_index + by
        if 0 <= at <= len(self._history):
            self._history_index = at
            self._replace(self._history[at] if at < len(self._history) else "")

    def _replace(self, text: str) -> None:
        self.value = text
        self.cursor_position = len(text)

    async def on_suggestion_ready(self, event: SuggestionReady) -> None:
        """Accept a completion that is found after tab was pressed, unless more was typed since."""
        if event.value == self.value == self._completing:
            event.prevent_default()
            await self._complete(event.suggestion)

    async def on_no_completion(self, text: str) -> None:
        """Submit the text as it is if enter was pressed and there is no completion."""
        if text == self.value == self._completing:
            await self._complete(text)

    async def _complete(self, text: str) -> None:
        self._completing = None
        self._replace(text)
        if self._submit_when_completed:
            self._submit_when_completed = False
            await self.action_submit()


class Prompt(Horizontal):
    """A line with a sign and an input; it posts what is typed, and how it was finished."""

    class Changed(Message):
        """The text changed."""

        def __init__(self, prompt: "Prompt", text: str) -> None:
            super().__init__()
            self.prompt, self.text = prompt, text

        @property
        def control(self) -> "Prompt":
            """The prompt."""
            return self.prompt

    class Submitted(Message):
        """Enter was pressed, or esc: then `text` is None."""

        def __init__(self, prompt: "Prompt", text: str | None) -> None:
            super().__init__()
            self.prompt, self.text = prompt, text

        @property
        def control(self) -> "Prompt":
            """The prompt."""
            return self.prompt

    def __init__(self, sign: str, *, id: str) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self._sign = sign

    def compose(self) -> ComposeResult:
        """Compose sign, input and comment."""
        yield Static(safe_content(self._sign), classes="prompt--sign", markup=False)
        yield PromptInput()
        yield Static("", classes="prompt--comment", markup=False)

    @property
    def is_open(self) -> bool:
        """True while the prompt is shown."""
        return self.has_class("-open")

    def open(self, text: str = "") -> None:
        """Show the prompt with a text to start with."""
        self.add_class("-open")
        field = self.query_one(PromptInput)
        with self.prevent(Input.Changed):
            field.start(text)
        self.screen.set_focus(field)  # now, so that keys pressed next are typed into it

    def close(self) -> None:
        """Hide the prompt; keys that were pressed after it was finished go to what has the focus then."""
        self.remove_class("-open")
        self.show_comment("")
        field = self.query_one(PromptInput)
        field.is_finished = True
        keys, field.held_keys = field.held_keys, []
        if isinstance(self.app, TypeAheadApp):
            self.app.requeue_keys(keys)

    def show_comment(self, text: str) -> None:
        """Show a text behind the input."""
        for comment in self.query(".prompt--comment").results(Static):  # gone while the app ends
            comment.update(safe_content(text))

    def set_completion(self, complete: Callable[[str], Awaitable[str | None]]) -> None:
        """Complete what is typed by a function that returns the completed text, or None."""
        field = self.query_one(PromptInput)
        field.suggester = _Completion(complete, field.on_no_completion)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Post the text typed so far."""
        event.stop()
        self.post_message(self.Changed(self, event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Post the text as submitted."""
        event.stop()
        self.query_one(PromptInput).remember(event.value)
        self.post_message(self.Submitted(self, event.value))

    def key_escape(self) -> None:
        """Post that the prompt was cancelled."""
        self.post_message(self.Submitted(self, None))


class _Completion(Suggester):
    """Completes a text when typing pauses; a newer search cancels an older one."""

    def __init__(
        self, complete: Callable[[str], Awaitable[str | None]], on_none: Callable[[str], Awaitable[None]]
    ) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._complete = complete
        self._on_none = on_none
        self._completed: str | None = None
        """The text that was completed last, or has no completion."""
        self._search: asyncio.Task[object] | None = None

    def is_pending(self, text: str) -> bool:
        """Return whether the completion of a text is still being searched for."""
        return bool(text) and text != self._completed

    async def get_suggestion(self, value: str) -> str | None:
        """Return the completed text; None if there is none, or it has characters that must not be drawn."""
        if self._search is not None:
            self._search.cancel()
        self._search = asyncio.current_task()
        try:
            if not value:
                return None
            await asyncio.sleep(COMPLETION_DELAY)
            found = await self._complete(value)
        finally:
            if self._search is asyncio.current_task():
                self._search = None
        self._completed = value
        if found is not None and found.startswith(value) and sanitize(found) == found:
            return found
        await self._on_none(value)
        return None
