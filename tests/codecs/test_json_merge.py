"""Merges of JSON by value: neighbours do not conflict, and nothing is mixed that has no name."""

import pytest

from explorer.codecs.base import Choice
from explorer.codecs.codecs import Codecs

LINES = '{\n  "a": 1,\n  "b": {"c": 2, "d": [1, 2]},\n  "e": 3\n}\n'


@pytest.mark.parametrize(
    ("mine", "theirs", "merged", "conflicts"),
    [
        ({'"a": 1': '"a": 7'}, {'"c": 2': '"c": 8'}, {'"a": 1': '"a": 7', '"c": 2': '"c": 8'}, ()),
        ({'"c": 2': '"c": 7'}, {"[1, 2]": "[1, 8]"}, {'"c": 2': '"c": 7', "[1, 2]": "[1, 8]"}, ()),
        ({'"c": 2': '"c": 7'}, {'"c": 2': '"c": 8'}, {'"c": 2': '"c": 7'}, ("line 3",)),
        ({"[1, 2]": "[2, 1]"}, {"[1, 2]": "[1, 8]"}, {"[1, 2]": "[2, 1]"}, ("line 3",)),
        ({"[1, 2]": "[1, 2, 3]"}, {'"c": 2': '"c": 8'}, {"[1, 2]": "[1, 2, 3]"}, ("line 3",)),
        ({'"c": 2': '"x": 2'}, {'"d"': '"y"'}, {'"c": 2': '"x": 2'}, ("line 3",)),
        ({'"c": 2': '"c": '}, {"[1, 2]": "[1, 8]"}, {'"c": 2': '"c": '}, ("line 3",)),
    ],
    ids=["neighbours", "same line", "same value", "same list", "longer list", "names", "no JSON"],
)
def test_merge_of_json_is_by_value(
    mine: dict[str, str], theirs: dict[str, str], merged: dict[str, str], conflicts: tuple[str, ...]
) -> None:
    """A change of the names or brackets is merged by lines, as before."""
    document = Codecs().open("k", LINES.encode(), Choice("json", indented=False))
    merge = document.merge(_edited(mine), _edited(theirs).encode())
    assert (merge.text, merge.conflicts) == (_edited(merged), conflicts)


def test_merge_of_one_line_of_json_is_by_value() -> None:
    """The stored layout is theirs."""
    document = Codecs().open("k", b'{"a":1,"b":2}', Choice("json"))
    merge = document.merge(document.text.replace("1", "7"), b'{"a":1, "b":8}')
    assert (merge.conflicts, merge.document.encode(merge.text).value) == ((), b'{"a":7, "b":8}')


def _edited(changes: dict[str, str]) -> str:
    text = LINES
    for before, after in changes.items():
        assert before in text
        text = text.replace(before, after)
    return text
