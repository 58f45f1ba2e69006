"""A screen with panes: which has the focus, which are in sight, and how wide they are."""

from typing import ClassVar, Final

from textual import on
from textual.events import DescendantFocus
from textual.widget import Widget

from explorer.session.actions import BROWSING, Place
from explorer.tui.panes.footer import Footer
from explorer.tui.panes.pane import Pane
from explorer.tui.screens.base import LiveScreen
from explorer.tui.widgets.key_tree import KeyTree
from explorer.tui.widgets.prompt import Prompt

RESIZE_STEP: Final = 4
"""Cells by which a border is moved."""
MIN_PANE_WIDTH: Final = 16
"""Cells that a pane keeps when a border is moved."""
_PANE_IDS: Final = ("tree", "value", "locks", "changes")
"""The panes in the order of the tab key."""


class PaneScreen(LiveScreen[None]):
    """A screen with the tree on the left, `#left`, and the other panes on the right, `#right`.

    A narrow screen shows one pane beside the tree, a wide one shows all unless the side panes are hidden.
    """

    place = BROWSING
    AUTO_FOCUS: ClassVar[str | None] = "KeyTree"

    @property
    def pane(self) -> Pane | None:
        """The pane that has the focus."""
        focused = self.focused
        return next((node for node in focused.ancestors_with_self if isinstance(node, Pane)), None) if focused else None

    @property
    def focused_place(self) -> Place:
        """The place of the pane that has the focus."""
        return self.pane.place if self.pane else Place.TREE

    def focus_pane(self, name: str) -> None:
        """Show a pane and focus it, by its id."""
        pane = self.query_one(f"#{name}", Pane)
        self._show_pane(pane)
        pane.focus_body()

    @on(DescendantFocus)
    def show_focused_pane(self) -> None:
        """Show the pane that got the focus, and its actions."""
        pane = self.pane
        for prompt in self.query(Prompt):
            # Without any focus the terminal has lost its own; it comes back to the prompt with the next key.
            if prompt.is_open and self.focused is not None and not prompt.has_focus_within:
                prompt.close()
        if pane is not None:
            self._show_pane(pane)
            self.query_one(Footer).show(pane.place)

    @on(KeyTree.NodeHighlighted)
    def show_value_beside_tree(self) -> None:
        """Show the value, if only one pane fits beside the tree, while the cursor moves in the tree."""
        for pane in self.query(Pane):
            if pane.id != "tree":
                pane.set_class(pane.id == "value", "-current")

    def _show_pane(self, pane: Pane) -> None:
        """Make a pane the visible one where only one fits."""
        is_right = pane.id != "tree"
        self.query_one("#left").set_class(not is_right, "-shown", "-zoom")
        self.query_one("#right").set_class(is_right, "-shown", "-zoom")
        for other in self.query(Pane):
            other.set_class(other is pane, "-focused", "-zoom")
            if is_right:
                other.set_class(other is pane, "-current")

    # Actions

    def do_next_pane(self) -> None:
        """Focus the next pane."""
        self._cycle_pane(1)

    def do_previous_pane(self) -> None:
        """Focus the previous pane."""
        self._cycle_pane(-1)

    def _cycle_pane(self, step: int) -> None:
        index = _PANE_IDS.index(self.pane.id or "tree") if self.pane else 0
        self.focus_pane(_PANE_IDS[(index + step) % len(_PANE_IDS)])

    def do_pane_tree(self) -> None:
        """Focus the tree."""
        self.focus_pane("tree")

    def do_pane_value(self) -> None:
        """Focus the value."""
        self.focus_pane("value")

    def do_pane_locks(self) -> None:
        """Focus the locks."""
        self.focus_pane("locks")

    def do_pane_changes(self) -> None:
        """Focus the change log."""
        self.focus_pane("changes")

    def do_leave_pane(self) -> None:
        """Focus the tree."""
        self.focus_pane("tree")

    def do_zoom(self) -> None:
        """Show the focused pane alone, or all panes again."""
        self.toggle_class("-zoomed")

    def do_wider(self) -> None:
        """Make the focused pane wider."""
        self._resize_pane(RESIZE_STEP)

    def do_narrower(self) -> None:
        """Make the focused pane narrower."""
        self._resize_pane(-RESIZE_STEP)

    def _resize_pane(self, cells: int) -> None:
        pane, left, right = self.pane, self.query_one("#left"), self.query_one("#right")
        if self.has_class("-zoomed") or self.has_class("-slim"):
            self.notify("only one pane is shown")
        elif pane is None or pane.id == "tree":
            move_border(left, right, cells)
        elif self.has_class("-wide") and self.has_class("-sides"):
            move_column(right, self.query_one("#value"), cells if pane.id == "value" else -cells)
        else:
            move_border(left, right, -cells)

    def do_side_panes(self) -> None:
        """Hide or show the side panes, locks and changes."""
        if not self.has_class("-wide"):
            self.notify("the screen is too narrow for side panes")
            return
        self.toggle_class("-sides")
        if self.pane is not None and self.pane.id != "tree":
            self.focus_pane("value")
        else:
            self.show_value_beside_tree()


def move_border(left: Widget, right: Widget, cells: int) -> None:
    """Move the border between two widgets to the right.

    The widths become shares, so that one of the two alone fills the screen.
    """
    width, other = _moved_widths(left.outer_size.width, right.outer_size.width, cells)
    left.styles.width, right.styles.width = f"{width}fr", f"{other}fr"


def move_column(grid: Widget, left: Widget, cells: int) -> None:
    """Move the border between the two columns of a grid to the right; `left` fills the left column."""
    width, other = _moved_widths(left.outer_size.width, grid.size.width - left.outer_size.width, cells)
    grid.styles.grid_columns = f"{width}fr {other}fr"


def _moved_widths(left: int, right: int, cells: int) -> tuple[int, int]:
    total = left + right
    width = max(MIN_PANE_WIDTH, min(left + cells, total - MIN_PANE_WIDTH))
    return width, total - width
