"""Rows of three versions: every line of each, in order."""

from hypothesis import given
from hypothesis import strategies as some

from explorer.codecs.line_merge import Side
from explorer.codecs.three_way import CONTEXT_LINES, ThreeWayRow, three_way_rows

TEXTS = some.lists(some.sampled_from("abc"), max_size=12).map(lambda lines: "".join(f"{line}\n" for line in lines))


@given(TEXTS, TEXTS, TEXTS)
def test_three_way_rows_hold_every_line_of_each_version(base: str, theirs: str, mine: str) -> None:
    rows = three_way_rows(base, theirs, mine)
    for text, column in ((base, "base"), (theirs, "theirs"), (mine, "mine")):
        lines = [getattr(row, column) for row in rows]
        assert "".join(f"{line}\n" for line in lines if line is not None) == text
    for row in rows:
        if row.side is Side.UNCHANGED:
            assert row.base == row.theirs == row.mine


def test_three_way_rows_far_from_changes_are_counted() -> None:
    base = "".join(f"{number}\n" for number in range(1000))
    mine, theirs = base.replace("\n500\n", "\nmine\n"), base.replace("999", "theirs")
    rows = three_way_rows(base, theirs, mine)
    omitted = [row.omitted for row in rows if row.omitted]
    assert omitted == [500 - CONTEXT_LINES, 498 - 2 * CONTEXT_LINES]
    assert sum(row.omitted or 1 for row in rows) == 1000
    assert ThreeWayRow("500", "500", "mine", Side.MINE) in rows
    assert rows[-1] == ThreeWayRow("999", "theirs", "999", Side.THEIRS)


def test_three_way_rows_of_equal_texts_are_all_shown() -> None:
    text = "".join(f"{number}\n" for number in range(90))
    assert len(three_way_rows(text, text, text)) == 90
