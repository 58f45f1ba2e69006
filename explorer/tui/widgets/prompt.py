"""A line at the bottom to type into: the filter, or a key to go to."""

from collections.abc import Awaitable, Callable

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input, Static

from explorer.model.text import inert
from explorer.tui.drawing import told
from explorer.tui.widgets.ordered import Field


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
        yield Static(told(self._word), classes="prompt--word", markup=False)
        yield Field(compact=True)
        yield Static("", classes="prompt--comment", markup=False)

    @property
    def is_open(self) -> bool:
        """Whether it is shown."""
        return self.has_class("-open")

    def open(self, text: str = "") -> None:
        """Show it with a text to go on from."""
        self.add_class("-open")
        field = self.query_one(Input)
        with self.prevent(Input.Changed):
            field.value = text
        field.cursor_position = len(text)
        self.screen.set_focus(field)  # now: what is typed at once is typed into it

    def close(self) -> None:
        """Hide it."""
        self.remove_class("-open")
        self.comment("")

    def comment(self, text: str) -> None:
        """Say something behind what is typed."""
        self.query_one(".prompt--comment", Static).update(told(text))

    def complete(self, give: Callable[[str], Awaitable[str | None]]) -> None:
        """Have what is typed completed."""
        self.query_one(Input).suggester = _Completion(give)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Tell what is typed."""
        event.stop()
        self.post_message(self.Typed(self, event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Tell that it was meant."""
        event.stop()
        self.post_message(self.Answered(self, event.value))

    def key_escape(self) -> None:
        """Tell that it was not."""
        self.post_message(self.Answered(self, None))


class _Completion(Suggester):
    def __init__(self, give: Callable[[str], Awaitable[str | None]]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._give = give

    async def get_suggestion(self, value: str) -> str | None:
        """Give how a text may go on; nothing that could not be drawn as it is."""
        found = await self._give(value) if value else None
        return found if found is not None and inert(found) == found else None
