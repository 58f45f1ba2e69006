"""Rows of texts of any size: all of the text, in order, at every width, from both ends."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as some
from rich.cells import cell_len

from explorer.codecs.text.content import BLOCK_SIZE, Content, EscapedText, HexDump, PlainText
from explorer.codecs.text.escapes import escape
from explorer.model.sanitize import sanitize
from explorer.tui.widgets.line_breaks import row_starts
from explorer.tui.widgets.text_layout import TextLayout

LARGE = 40 * BLOCK_SIZE
HEIGHT = 20
TEXTS: dict[str, Content] = {
    "empty": PlainText(""),
    "words": PlainText("several words in a line, " * (LARGE // 25)),
    "short lines": PlainText("a\n" * (LARGE // 2)),
    "long lines": PlainText(("long " * 300 + "\n") * (LARGE // 1500)),
    "one line": PlainText("x" * LARGE),
    "wide": PlainText("\u6f22" * LARGE),
    "marks": PlainText("e\u0301" * (LARGE // 2)),
    "escaped": EscapedText("\x1b\\\n\r" * (LARGE // 4)),
    "mixed": PlainText(("short\n" * 900 + "\u6f22 \t" * 3000 + "\n") * 12),
    "dump": HexDump(bytes(range(256)) * (LARGE // 256)),
}


@given(some.text(some.sampled_from("ab ,\u6f22\u0301\u0434"), max_size=200), some.integers(2, 30))
def test_row_starts_any_line_keeps_all_within_the_width(line: str, width: int) -> None:
    starts = row_starts(line, width)
    assert starts[0] == 0
    assert starts == sorted(set(starts))
    rows = [line[start:stop] for start, stop in zip(starts, [*starts[1:], len(line)], strict=True)]
    assert "".join(rows) == line
    assert all(cell_len(row.removesuffix(" ")) <= width for row in rows)
    assert not any(row.startswith("\u0301") for row in rows[1:])


@pytest.mark.parametrize(
    ("line", "width", "rows"),
    [
        ("in another order", 12, ["in another ", "order"]),
        ("in another order", 10, ["in another ", "order"]),
        ('{"on":false,"rps":20}', 14, ['{"on":false,', '"rps":20}']),
        ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
        ("a bcdefghij", 8, ["a bcdefg", "hij"]),
        ("abcd ", 4, ["abcd "]),
    ],
)
def test_row_starts_breaks_behind_words(line: str, width: int, rows: list[str]) -> None:
    starts = row_starts(line, width)
    assert [line[start:stop] for start, stop in zip(starts, [*starts[1:], len(line)], strict=True)] == rows


@pytest.mark.parametrize("name", TEXTS)
def test_text_layout_paging_down_shows_all_of_it_in_order(name: str) -> None:
    """A page at a time from the start, as the keys do: nothing is left out or shown twice."""
    content = TEXTS[name]
    layout = TextLayout(content, 77)
    shown: list[str] = []
    top = layout.settle(0, HEIGHT)
    while True:
        shown += _screen(layout, top)
        if top + HEIGHT >= layout.total:
            break
        top = layout.settle(top + HEIGHT, HEIGHT)
    assert _spaceless("".join(shown)) == _expected(content)  # where a block begins a tab may be narrower


@pytest.mark.parametrize("name", TEXTS)
def test_text_layout_paging_up_from_the_end_shows_all_of_it(name: str) -> None:
    content = TEXTS[name]
    layout = TextLayout(content, 77)
    top = layout.settle_end(HEIGHT)
    top = layout.settle(top, HEIGHT, upwards=True)
    shown = _screen(layout, top)
    assert top + HEIGHT >= layout.total
    while top:
        step = min(HEIGHT, top)
        before = layout.settle(top - step, HEIGHT, upwards=True)
        shown = _screen(layout, before)[:step] + shown
        top = before
    assert _spaceless("".join(shown)) == _expected(content)  # where a block begins a tab may be narrower


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("width", [30, 140])
def test_text_layout_another_width_keeps_the_place(name: str, width: int) -> None:
    content = TEXTS[name]
    layout, other = TextLayout(content, 77), TextLayout(content, width)
    for part in (0, 1, 2, 3):
        top = layout.settle(layout.total * part // 4, HEIGHT)
        anchor = layout.anchor(top)
        row = other.settle(other.find(anchor), HEIGHT)
        again = other.anchor(row)
        assert (again.block, again.line) == (anchor.block, anchor.line)
        assert again.offset <= anchor.offset < again.offset + 2 * width + 2


def test_content_parts_are_the_text() -> None:
    """Whatever the blocks are, put together they are the whole."""
    for name, content in TEXTS.items():
        stops = [content.boundary(near) for near in range(0, content.size + BLOCK_SIZE, BLOCK_SIZE)]
        assert stops == sorted(set(stops)), name
        parts = [content.part(start, stop) for start, stop in pairwise(stops)]
        assert "".join(parts).removesuffix("\n") == content.text.removesuffix("\n"), name


def test_escape_of_large_text_equals_escape_of_parts() -> None:
    pile = "e" + "\u0301" * 200_000
    assert escape(pile) == sanitize(pile, multiline=True)


def _screen(layout: TextLayout, top: int) -> list[str]:
    rows = []
    for index in range(top, min(top + HEIGHT, layout.total)):
        found = layout.row(index)
        assert found is not None
        block, (line, start, stop) = found
        rows.append(block.lines[line][start:stop])
    return rows


def _expected(content: Content) -> str:
    return _spaceless("".join(sanitize(line, multiline=True) for line in content.text.split("\n")))


def _spaceless(text: str) -> str:
    return text.replace(" ", "").replace("\t", "")
