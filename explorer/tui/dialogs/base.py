"""Base class of dialogs: screens that return one result, however fast the keys are pressed."""

from typing import ClassVar

from textual.await_complete import AwaitComplete
from textual.screen import Screen, ScreenResultType


class Dialog(Screen[ScreenResultType]):
    """A screen that is dismissed with the first result.

    Keys may be pressed before the screen is mounted, after it was dismissed, or while another screen covers it: then
    Textual has no widgets for them, or refuses to dismiss the screen. So a result is kept until it can be returned.
    """

    EARLY_ACTIONS: ClassVar[frozenset[str]] = frozenset({"leave", "answer"})
    """Actions that only return a result: they work before the screen is mounted."""

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
        return super().dismiss(self._result[0])
