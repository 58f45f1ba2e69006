"""The borders between the panes, moved by a person; where they are lasts for the session."""

from typing import Final

from textual.widget import Widget

STEP: Final = 4
"""Cells by which a border is moved."""
LEAST_WIDTH: Final = 16
"""Cells that a pane keeps."""


def move_border(left: Widget, right: Widget, by: int) -> None:
    """Move the border between two widgets beside each other.

    The widths are shares, so that one of them alone has all the room.
    """
    width, other = _moved(left.outer_size.width, right.outer_size.width, by)
    left.styles.width, right.styles.width = f"{width}fr", f"{other}fr"


def move_column(grid: Widget, left: Widget, by: int) -> None:
    """Move the border between the two columns of a grid, of which a widget fills the left one."""
    width, other = _moved(left.outer_size.width, grid.size.width - left.outer_size.width, by)
    grid.styles.grid_columns = f"{width}fr {other}fr"


def _moved(left: int, right: int, by: int) -> tuple[int, int]:
    total = left + right
    width = max(LEAST_WIDTH, min(left + by, total - LEAST_WIDTH))
    return width, total - width
