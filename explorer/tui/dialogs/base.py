"""Screens that are left with an answer, once, however fast the keys come."""

from typing import ClassVar

from textual.await_complete import AwaitComplete
from textual.screen import Screen, ScreenResultType


class Dialog(Screen[ScreenResultType]):
    """A screen of which the first answer counts.

    Keys may come before the screen stands, after it was left, or while another one stands on it: then Textual has no
    widgets for them, or refuses to leave. An answer is kept here until it can be given.
    """

    ANSWERING: ClassVar[frozenset[str]] = frozenset({"leave", "answer"})
    """The actions that only answer, which can be done before the screen stands."""

    _answer: tuple[ScreenResultType | None] | None = None
    _left = False

    def dismiss(self, result: ScreenResultType | None = None) -> AwaitComplete:
        """Leave with an answer, as soon as that is possible."""
        if self._answer is None:
            self._answer = (result,)
        return self._give() or AwaitComplete()

    def on_mount(self) -> None:
        """Leave if the answer came first."""
        self.call_next(self._give)

    def on_screen_resume(self) -> None:
        """Leave if the answer came while another screen stood on this one."""
        self._give()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Let nothing be done that has no widgets yet, or no more."""
        if self._left or not (self.is_mounted or action in self.ANSWERING):
            return False
        return super().check_action(action, parameters)

    def _give(self) -> AwaitComplete | None:
        stands = self.is_mounted and self.app.screen_stack[-1:] == [self]
        if self._answer is None or self._left or not stands:
            return None
        self._left = True
        return super().dismiss(self._answer[0])
