"""Rows, against a flat list made anew."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from explorer.session.keytree import row_blocks
from explorer.session.keytree.row_blocks import Branch, Row
from explorer.session.keytree.row_index import Rows
from tests.scale import examples

_NAMES = st.text("abz/é\udc80", max_size=3)


def _flat(row: Row, depth: int = 0) -> list[tuple[Row, int]]:
    """List the visible rows below one, the naive way."""
    if row.branch is None:
        return []
    lines: list[tuple[Row, int]] = []
    for child in sorted(row.branch, key=lambda one: one.name):
        inside = _flat(child, depth + 1)
        if child.kept or _keeps_below(child):
            lines += [(child, depth), *(inside if child.is_open else [])]
    if row.branch.more_row is not None:
        lines.append((row.branch.more_row, depth))
    return lines


def _keeps_below(row: Row) -> bool:
    return any(child.kept or _keeps_below(child) for child in row.branch or ())


class RowsAgainstALine(RuleBasedStateMachine):
    """Whatever is done to rows, they stand where a list made anew has them."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = Rows(Row(""))
        self.all: list[Row] = [self.rows.root]

    def _pick(self, number: int) -> Row:
        return self.all[number % len(self.all)]

    @rule(number=st.integers(0, 1000), names=st.lists(_NAMES, min_size=1, max_size=8))
    def insert(self, number: int, names: list[str]) -> None:
        parent = self._pick(number)
        if parent.branch is None:
            self.rows.set_branch(parent, Branch())
        assert parent.branch is not None
        for name in names:
            if parent.branch.find(name) is None:
                row = Row(name)
                self.rows.insert(parent, row)
                self.all.append(row)

    @precondition(lambda self: len(self.all) > 1)
    @rule(number=st.integers(0, 1000))
    def remove(self, number: int) -> None:
        row = self.all[1 + number % (len(self.all) - 1)]
        self.rows.remove(row)
        assert self.rows.row_of(row) is None
        gone = {row}
        for other in self.all[1:]:
            up: Row | None = other
            while up is not None and up not in gone:
                up = up.parent
            if up is not None:
                gone.add(other)
        self.all = [other for other in self.all if other not in gone]

    @rule(number=st.integers(0, 1000), opened=st.booleans())
    def open(self, number: int, *, opened: bool) -> None:
        row = self._pick(number)
        if row is not self.rows.root:
            self.rows.open(row, opened=opened)

    @rule(number=st.integers(0, 1000), kept=st.booleans())
    def keep(self, number: int, *, kept: bool) -> None:
        row = self._pick(number)
        if row is not self.rows.root:
            self.rows.set_kept(row, kept=kept)

    @rule(number=st.integers(0, 1000), letter=st.sampled_from("abz"))
    def sift(self, number: int, letter: str) -> None:
        parent = self._pick(number)
        for block in parent.branch.blocks if parent.branch is not None else ():
            self.rows.filter_block(parent, block, lambda row: letter in row.name)

    @rule(number=st.integers(0, 1000), there=st.booleans())
    def end(self, number: int, *, there: bool) -> None:
        parent = self._pick(number)
        if parent.branch is not None:
            self.rows.set_more_row(parent, Row("") if there else None)

    @invariant()
    def every_row_is_where_a_list_has_it(self) -> None:
        flat = _flat(self.rows.root)
        assert len(self.rows) == len(flat)
        assert [self.rows.at(index) for index in range(len(flat))] == [row for row, _ in flat]
        assert [self.rows.row_of(row) for row, _ in flat] == list(range(len(flat)))
        shown = {row for row, _ in flat}
        assert all(self.rows.row_of(row) is None for row in self.all if row not in shown)
        for start in (0, len(flat) // 2, len(flat) - 1):
            lines = list(self.rows.window(start, 5))
            assert [(line.row, line.depth) for line in lines] == flat[max(start, 0) : start + 5][: len(lines)]
            assert len(lines) == len(flat[start : start + 5]) if flat else not lines

    @invariant()
    def guides_show_following_siblings(self) -> None:
        flat = _flat(self.rows.root)
        for index, line in enumerate(self.rows.window(0, len(flat))):
            depth = line.depth
            after = next((later for _, later in flat[index + 1 :] if later <= depth), -1)
            assert line.guides[-1] is (after == depth)


def test_rows_equal_a_rebuilt_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_blocks, "BLOCK", 2)  # so that blocks are divided
    run_state_machine_as_test(
        RowsAgainstALine, settings=settings(max_examples=examples(60, 5_000), stateful_step_count=30)
    )


def test_at_beyond_the_last_row_raises() -> None:
    rows = Rows(Row(""))
    for index in (-1, 0, 1):
        with pytest.raises(IndexError):
            rows.at(index)
    assert list(rows.window(0, 3)) == []
    assert list(rows.window(-1, 3)) == []


@pytest.mark.heavy
def test_depth_is_unlimited() -> None:
    rows = Rows(Row(""))
    parent = rows.root
    for _ in range(3000):
        row = Row("deeper")
        rows.insert(parent, row)
        rows.set_branch(row, Branch())
        rows.open(row)
        parent = row
    assert len(rows) == 3000
    assert rows.row_of(parent) == 2999
    assert rows.at(2999) is parent
    assert [line.depth for line in rows.window(2998, 5)] == [2998, 2999]
