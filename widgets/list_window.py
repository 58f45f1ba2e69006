"""List window: the rows of a pane that one view has, and messages for what changes in them."""

from collections.abc import Hashable
from itertools import count as counter

from widgets.messages import MAX_ROWS, Window
from widgets.panes.base import Head, Json, Pane, PaneRow


class ListWindow:
    """Rows of a pane as one view has them.

    Answers and patches carry the generation of the request and a sequence number. A page drops those of an earlier
    generation, and asks again if a number is missing.
    """

    def __init__(self, pane: Pane) -> None:
        self.pane = pane
        self.height = 0
        """Rows that fit into the view."""
        self._generation = -1
        self._seq = 0
        self._start = 0
        self._count = 0
        self._rows: list[PaneRow] = []
        self._ids: dict[Hashable, int] = {}
        self._next_id = counter(1)
        self._shown: tuple[object, ...] = ()
        """Total, cursor, reveals and head that were sent last."""

    @property
    def is_open(self) -> bool:
        """True once the view has asked for rows."""
        return self._generation >= 0

    @property
    def last_sent(self) -> tuple[int, int]:
        """Generation and sequence number of the last message."""
        return self._generation, self._seq

    def open(self, request: Window, now: float) -> dict[str, Json]:
        """Return the rows that a view asks for."""
        self._generation, self._seq = request.generation, 0
        self.height = max(1, min(request.height, MAX_ROWS))
        self._count = max(0, min(request.count, MAX_ROWS))
        self._start = max(0, min(request.start, self.pane.count() - 1))
        self.pane.on_shown(self._start, self._count, max(-1, min(request.step, 1)))
        self._rows, head = list(self.pane.rows(self._start, self._count)), self.pane.head()
        self._renumber()
        self._shown = self._facts(head)
        rows = [row.message(self._ids[row.identity], now) for row in self._rows]
        return {"type": "rows", **self._common(head, now), "rows": rows}

    def patch(self, now: float) -> dict[str, Json] | None:
        """Return what changed since the last message; None if nothing did."""
        self.pane.on_shown(self._start, self._count, 0)
        self._start = self._anchored_start()
        before, self._rows = self._rows, list(self.pane.rows(self._start, self._count))
        head = self.pane.head()
        facts = self._facts(head)
        changed = [at for at, row in enumerate(self._rows) if at >= len(before) or before[at] != row]
        if not changed and len(before) == len(self._rows) and facts == self._shown:
            return None
        self._shown = facts
        self._renumber()
        self._seq += 1
        changes: list[Json] = [[at, self._rows[at].message(self._ids[self._rows[at].identity], now)] for at in changed]
        return {"type": "patch", **self._common(head, now), "length": len(self._rows), "changes": changes}

    def row(self, number: int) -> PaneRow | None:
        """Return the row that a page knows by a number, if the view still has it."""
        return next((row for row in self._rows if self._ids[row.identity] == number), None)

    def _anchored_start(self) -> int:
        """Return where the window begins now: rows that stay in it keep their place."""
        last = max(0, self.pane.count() - 1)
        if self._start == 0:
            return 0
        for at, row in enumerate(self._rows):
            position = self.pane.position(row)
            if position is not None:
                return max(0, min(position - at, last))
        return min(self._start, last)

    def _facts(self, head: Head) -> tuple[object, ...]:
        return self._start, self.pane.count(), self.pane.cursor, self.pane.reveals, head

    def _common(self, head: Head, now: float) -> dict[str, Json]:
        return {
            "pane": self.pane.name,
            "generation": self._generation,
            "seq": self._seq,
            "start": self._start,
            "total": self.pane.count(),
            "cursor": self.pane.cursor,
            "reveals": self.pane.reveals,
            "head": head.message(now),
        }

    def _renumber(self) -> None:
        """Assign numbers to new rows, and forget those that left the window."""
        self._ids = {row.identity: self._ids.get(row.identity) or next(self._next_id) for row in self._rows}
