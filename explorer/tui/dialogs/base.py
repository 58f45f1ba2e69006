"""Base class of dialogs: screens that return one result, however fast the keys are pressed."""

from typing import ClassVar

from textual.await_complete import AwaitComplete
from textual.events import Key, Paste
from textual.message import Message
from textual.screen import Screen, ScreenResultType


class Dialog(Screen[ScreenResultType]):
    """A screen that is dismissed with the first result.

    Keys may be pressed before the screen is mounted, after it was dismissed, or while another screen covers it: then
    Textual has no widgets for them, or refuses to dismiss the screen. So a result is kept until it can be returned.
    """

    EARLY_ACTIONS: ClassVar[frozenset[str]] = frozenset({"leave", "answer"})
    """Actions that only return a result: they work before the screen is mounted."""

    class Shown(Message):
        """A dialog was drawn for the first time."""

        def __init__(self, dialog: "Dialog[ScreenResultType]") -> None:
            super().__init__()
            self.dialog = dialog

    class Dismissed(Message):
        """A dialog was dismissed."""

    is_unexpected: bool = False
    """True if it opens by itself, or in place of an editor: what is typed then was meant for another screen."""
    shown_at: float | None = None
    """When it was drawn for the first time, in the time of Textual's messages; None before."""
    _result: tuple[ScreenResultType | None] | None = None
    _is_dismissed = False

    @property
    def has_result(self) -> bool:
        """True once the screen has a result, and is or will be dismissed with it."""
        return self._result is not None

    def dismiss(self, result: ScreenResultType | None = None) -> AwaitComplete:
        """Return a result, as soon as the screen can be dismissed."""
        if self._result is None:
            self._result = (result,)
        return self._dismiss_when_possible() or AwaitComplete()

    def on_mount(self) -> None:
        """Return a result that came before the screen was mounted."""
        self.call_next(self._dismiss_when_possible)

    def _compositor_refresh(self) -> None:
        """Draw the screen; note when that was done first, before anybody can see it.

        Textual has no public way: after a refresh, a key may have been pressed by somebody who has seen it.
        """
        if self.shown_at is None and self.is_mounted and self.is_current:
            message = self.Shown(self)
            self.shown_at = message.time
            self.app.post_message(message)
        super()._compositor_refresh()

    def accepts_type_ahead(self, event: Key | Paste) -> bool:
        """Return whether a key counts that was pressed before the screen was drawn.

        A screen whose answer cannot be taken back, or that may open while something else is typed, accepts none but
        those that change nothing: nobody confirms what they have not seen.
        """
        return not self.is_unexpected or is_escape(event)

    def on_screen_resume(self) -> None:
        """Return a result that came while another screen covered this one."""
        self._dismiss_when_possible()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Allow no action that needs widgets before they are mounted, and none after the dismissal."""
        if self._is_dismissed or not (self.is_mounted or action in self.EARLY_ACTIONS):
            return False
        return super().check_action(action, parameters)

    def _dismiss_when_possible(self) -> AwaitComplete | None:
        is_on_top = self.is_mounted and self.app.screen_stack[-1:] == [self]
        if self._result is None or self._is_dismissed or not is_on_top:
            return None
        self._is_dismissed = True
        self.app.post_message(self.Dismissed())
        return super().dismiss(self._result[0])


def is_escape(event: Key | Paste) -> bool:
    """Return whether it is the key that closes a screen and changes nothing."""
    return isinstance(event, Key) and event.key == "escape"
