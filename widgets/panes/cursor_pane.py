"""Panes with a cursor that stays on its row while rows come and go."""

from abc import abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from widgets.panes.base import Pane, PaneRow

_STEPS: Final[Mapping[str, int]] = MappingProxyType({"up": -1, "down": 1})
_PAGES: Final[Mapping[str, float]] = MappingProxyType(
    {"page-up": -1, "page-down": 1, "read-on": 1, "half-page-up": -0.5, "half-page-down": 0.5}
)


def step_of(action: str, times: int, height: int) -> int | None:
    """Return the rows by which an action moves a cursor; None if it is another action.

    Args:
        action: Id of the action.
        times: Number of key presses.
        height: Rows that the view shows.
    """
    if action in _STEPS:
        return _STEPS[action] * times
    return int(_PAGES[action] * max(1, height - 1)) * times if action in _PAGES else None


class CursorPane(Pane):
    """A pane whose rows are known by an index: subclasses say where the row under the cursor is now."""

    @abstractmethod
    def move_to(self, index: int) -> None:
        """Move the cursor to a row, or to the nearest one that exists."""

    @property
    @abstractmethod
    def current_key(self) -> str | None:
        """Key that the row under the cursor is about; None without one."""

    def click(self, row: PaneRow, gesture: str) -> None:
        """Move to a row, and go to its key."""
        index = self.position(row)
        if index is not None:
            self.move_to(index)
            if gesture == "show":
                self.go_to(self.current_key)

    def perform(self, action: str, times: int, height: int) -> bool:
        """Perform an action of the registry; return False if it is none of the pane's."""
        step = step_of(action, times, height)
        if step is not None:
            self.move_to(self.cursor + step)
        else:
            match action:
                case "top":
                    self.move_to(0)
                case "bottom":
                    self.move_to(self.count() - 1)
                case "show":
                    self.go_to(self.current_key)
                case _:
                    return False
        self.reveals += 1
        return True
