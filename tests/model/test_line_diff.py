"""Unified diffs with the changed parts of a line marked."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from explorer.model.line_diff import changed_parts, diff

texts = some.text(some.sampled_from("ab1 \t\n\r,"), max_size=40)


def shown(before: str, after: str) -> list[str]:
    """Return a diff with the changed parts in brackets."""
    return [
        line.sign + "".join(f"[{part.text}]" if part.kind == "changed" else part.text for part in line.parts)
        for line in diff(before, after)
    ]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("a b c\n", "a x c\n", ["@@ -1 +1 @@", "-a [b] c", "+a [x] c"]),
        ('  "rps": 120,\n', '  "rps": 125,\n', ["@@ -1 +1 @@", '-  "rps": [120],', '+  "rps": [125],']),
        ("host: db\n", "host: db \n", ["@@ -1 +1 @@", "-host: db", "+host: db[ ]"]),
        ("a: 1\tx\n", "a: 1 x\n", ["@@ -1 +1 @@", "-a: 1[\t]x", "+a: 1[ ]x"]),
        ("on: true\n", "on: true", ["@@ -1 +1 @@", "-on: true", "+on: true", "\\[no line feed at the end]"]),
        ("a", "a\nb\n", ["@@ -1 +1,2 @@", "-a", "\\[no line feed at the end]", "+a", "+b"]),
        ("", "a: 1\n", ["@@ -0,0 +1 @@", "+a: 1"]),
        ("a: 1", "", ["@@ -1 +0,0 @@", "-a: 1"]),
        ("x\r\n", "x\n", ["@@ -1 +1 @@", "-x[\r]", "+x"]),
        ("one\n", "two\n", ["@@ -1 +1 @@", "-one", "+two"]),
        ("k: 1\nm: 2\n", "new\nk: 9\nm: 2\n", ["@@ -1,2 +1,3 @@", "-k: [1]", "+new", "+k: [9]", " m: 2"]),
        ("same", "same", []),
    ],
)
def test_diff_marks_what_differs(before: str, after: str, expected: list[str]) -> None:
    """Words, spaces, tabs, carriage returns and the last line feed are marked where they differ."""
    assert shown(before, after) == expected


def test_diff_of_long_line_elides_equal_parts() -> None:
    """Of a long line with one changed digit, only the surroundings of the digit are shown."""
    before = json.dumps([{"name": f"server-{number}", "weight": 10} for number in range(200)])
    after = before.replace("server-117", "server-118")
    old, new = diff(before, after)[1:]
    for line, number in ((old, "117"), (new, "118")):
        assert [part.text for part in line.parts if part.kind == "changed"] == [number]
        assert len(str(line)) < 500
        assert any("characters" in part.text for part in line.parts if part.kind == "elided")


def test_diff_marks_one_letter_of_a_long_word() -> None:
    """In a digest or base64 only the changed characters are marked."""
    one, other = changed_parts("sum: " + "a" * 50 + "b" + "c" * 50, "sum: " + "a" * 50 + "d" + "c" * 50)
    assert [part.text for part in (*one, *other) if part.kind == "changed"] == ["b", "d"]


def test_diff_of_a_megabyte_line_is_quick_enough_to_finish() -> None:
    """Long lines with many differences are marked as a whole, not compared word by word."""
    before = "x1 y2 " * 200_000
    line = diff(before, before.replace("x1", "x3"))[1]
    assert len(line.parts) <= 6


@given(texts, texts)
def test_diff_has_both_texts(before: str, after: str) -> None:
    """The parts of two lines join to those lines; a diff is empty only for equal texts."""
    one, other = changed_parts(before, after)
    assert ("".join(part.text for part in one), "".join(part.text for part in other)) == (before, after)
    found = diff(before, after)
    assert bool(found) == (before != after)
    if before.count("\n") < 3 and after.count("\n") < 3:
        rows = [str(line) for line in found]
        for sign, text in (("-", before), ("+", after)):
            if found:
                lines = [row[1:] for row in rows if row[0] in (sign, " ")]
                assert "\n".join(lines) == text.removesuffix("\n")
