"""A line at the bottom to type into: the filter, or a key to go to."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.events import Key
from textual.message import Message
from textual.suggester import Suggester, SuggestionReady
from textual.widgets import Input, Static

from explorer.model.sanitize import sanitize
from explorer.tui.rendering import safe_content
from explorer.tui.widgets.inputs import OrderedInput

COMPLETION_PAUSE: Final = 0.15
"""Seconds that typing has to pause before it is looked how the text may go on."""
MAX_HISTORY: Final = 100
"""Texts that the arrow keys bring back."""


class PromptInput(OrderedInput):
    """The field of a prompt: tab and right accept the completion, up and down bring back what was typed before."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab,shift+tab", "complete", show=False),
        Binding("up", "recall(-1)", show=False),
        Binding("down", "recall(1)", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(compact=True)
        self.answered = False
        """Whether enter or escape was pressed: from then on keys are for what comes after the prompt."""
        self.held: list[Key] = []
        """Keys that were pressed since."""
        self._wanted: str | None = None
        """The text whose completion is accepted as soon as it is there."""
        self._submitting = False
        """Whether enter was pressed behind that tab."""
        self._history: list[str] = []
        self._recalled = 0

    async def _on_key(self, event: Key) -> None:
        if self._submitting and event.key == "escape":
            self._submitting = self.answered = False
        if self.answered:
            self.held.append(Key(event.key, event.character))
            event.stop()
            event.prevent_default()
            return
        self.answered = event.key in {"enter", "escape"}
        if event.key == "enter" and self.value == self._wanted:
            self._submitting = True  # what stands there is not what was meant
            event.stop()
            event.prevent_default()
            return
        await super()._on_key(event)

    def start(self, text: str) -> None:
        """Begin with a text."""
        self.answered, self._wanted, self._submitting = False, None, False
        self.held.clear()
        self._recalled = len(self._history)
        self._replace(text)

    def remember(self, text: str) -> None:
        """Keep a text that was entered."""
        if text:
            self._history = [*(other for other in self._history if other != text), text][-MAX_HISTORY:]

    def action_complete(self) -> None:
        """Accept the completion, as soon as there is one."""
        self.action_end()
        if self._suggestion:
            self.action_cursor_right()
        elif isinstance(self.suggester, _Completion) and self.suggester.is_pending(self.value):
            self._wanted = self.value

    def action_recall(self, by: int) -> None:
        """Show a text that was entered before or after this one."""
        at = self._recalled + by
        if 0 <= at <= len(self._history):
            self._recalled = at
            self._replace(self._history[at] if at < len(self._history) else "")

    def _replace(self, text: str) -> None:
        self.value = text
        self.cursor_position = len(text)

    async def on_suggestion_ready(self, event: SuggestionReady) -> None:
        """Accept a completion that tab asked for before it was there, unless more was typed since."""
        if event.value == self.value == self._wanted:
            event.prevent_default()
            await self._complete(event.suggestion)

    async def on_no_completion(self, text: str) -> None:
        """Let enter have what stands there where nothing completes it."""
        if text == self.value == self._wanted:
            await self._complete(text)

    async def _complete(self, text: str) -> None:
        self._wanted = None
        self._replace(text)
        if self._submitting:
            self._submitting = False
            await self.action_submit()


class Prompt(Horizontal):
    """Opened with a word, it tells what is typed, and at the end whether it was meant."""

    class Typed(Message):
        """What stands there has changed."""

        def __init__(self, prompt: "Prompt", text: str) -> None:
            super().__init__()
            self.prompt, self.text = prompt, text

        @property
        def control(self) -> "Prompt":
            """The prompt."""
            return self.prompt

    class Answered(Message):
        """Enter was pressed; `text` is None when it was esc."""

        def __init__(self, prompt: "Prompt", text: str | None) -> None:
            super().__init__()
            self.prompt, self.text = prompt, text

        @property
        def control(self) -> "Prompt":
            """The prompt."""
            return self.prompt

    def __init__(self, word: str, *, id: str) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self._word = word

    def compose(self) -> ComposeResult:
        """Put word, input and comment together."""
        yield Static(safe_content(self._word), classes="prompt--word", markup=False)
        yield PromptInput()
        yield Static("", classes="prompt--comment", markup=False)

    @property
    def is_open(self) -> bool:
        """Whether it is shown."""
        return self.has_class("-open")

    def open(self, text: str = "") -> None:
        """Show it with a text to go on from."""
        self.add_class("-open")
        field = self.query_one(PromptInput)
        with self.prevent(Input.Changed):
            field.start(text)
        self.screen.set_focus(field)  # now: what is typed at once is typed into it

    def close(self) -> None:
        """Hide it; keys that were pressed after it was answered go to what has the focus then."""
        self.remove_class("-open")
        self.comment("")
        field = self.query_one(PromptInput)
        field.answered = True
        for key in field.held:
            self.app.call_later(self.app.post_message, key)
        field.held.clear()

    def comment(self, text: str) -> None:
        """Say something behind what is typed."""
        for comment in self.query(".prompt--comment").results(Static):  # none is left while the app ends
            comment.update(safe_content(text))

    def complete(self, give: Callable[[str], Awaitable[str | None]]) -> None:
        """Have what is typed completed."""
        field = self.query_one(PromptInput)
        field.suggester = _Completion(give, field.on_no_completion)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Tell what is typed."""
        event.stop()
        self.post_message(self.Typed(self, event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Tell that it was meant."""
        event.stop()
        self.query_one(PromptInput).remember(event.value)
        self.post_message(self.Answered(self, event.value))

    def key_escape(self) -> None:
        """Tell that it was not."""
        self.post_message(self.Answered(self, None))


class _Completion(Suggester):
    """Asks how a text goes on once typing pauses; the newest question ends the one before."""

    def __init__(self, give: Callable[[str], Awaitable[str | None]], on_none: Callable[[str], Awaitable[None]]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._give = give
        self._on_none = on_none
        self._answered: str | None = None
        """The text that was completed last, or found to have no completion."""
        self._asking: asyncio.Task[object] | None = None

    def is_pending(self, text: str) -> bool:
        """Return whether it is not known yet how a text goes on."""
        return bool(text) and text != self._answered

    async def get_suggestion(self, value: str) -> str | None:
        """Give how a text may go on; nothing that could not be drawn as it is."""
        if self._asking is not None:
            self._asking.cancel()
        self._asking = asyncio.current_task()
        try:
            if not value:
                return None
            await asyncio.sleep(COMPLETION_PAUSE)
            found = await self._give(value)
        finally:
            if self._asking is asyncio.current_task():
                self._asking = None
        self._answered = value
        if found is not None and found.startswith(value) and sanitize(found) == found:
            return found
        await self._on_none(value)
        return None
