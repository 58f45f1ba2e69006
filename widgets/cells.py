"""Cells: which widgets a notebook cell made, so that running it again closes what it replaces."""

import threading
from typing import Final, Protocol

from widgets import plan_table

_MAX_CELLS: Final = 1000
"""Cells whose widgets are remembered."""


class Closable(Protocol):
    """A widget."""

    def close(self) -> None:
        """Close it; a second call does nothing."""


class CellWidgets:
    """Open widgets by the cell that made them, and by the run of the cell."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._widgets: dict[str, tuple[object, list[Closable]]] = {}

    def add(self, cell: str, run: object, widget: Closable) -> list[Closable]:
        """Note a widget; return the widgets that an earlier run of the cell made."""
        with self._lock:
            earlier, widgets = self._widgets.pop(cell, (run, []))
            replaced = widgets if earlier != run else []
            self._widgets[cell] = run, [widget] if replaced or earlier != run else [*widgets, widget]
            while len(self._widgets) > _MAX_CELLS:
                self._widgets.pop(next(iter(self._widgets)))
        return replaced

    def remove(self, widget: Closable) -> None:
        """Forget a widget."""
        with self._lock:
            for _, widgets in self._widgets.values():
                if widget in widgets:
                    widgets.remove(widget)


_OPEN: Final = CellWidgets()


def register(widget: Closable) -> None:
    """Note a widget of the cell that runs, and close those of its earlier run; nothing outside of a notebook."""
    cell = _running_cell()
    if cell is not None:
        for replaced in _OPEN.add(*cell, widget):
            replaced.close()


def forget(widget: Closable) -> None:
    """Forget a closed widget."""
    _OPEN.remove(widget)


def _running_cell() -> tuple[str, object] | None:
    """Return the id of the running cell, or its source where a notebook gives none, and the id of its run."""
    from IPython import get_ipython  # noqa: PLC0415 - only where a widget is made

    shell = get_ipython()
    if shell is None:
        return None
    plan_table.register(shell)
    parent = shell.get_parent() if hasattr(shell, "get_parent") else {}
    metadata, header = parent.get("metadata", {}), parent.get("header", {})
    cell = metadata.get("cellId") or parent.get("content", {}).get("code")
    return None if not cell else (str(cell), header.get("msg_id"))
