"""Three-way merge of messages by field."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from explorer.codecs.base import Form, MergeResult
from explorer.codecs.protobuf.fields import serialized
from explorer.model.errors import InvalidText
from tests.codecs.common import THREE, made, opened
from tests.scale import examples


def base() -> Any:
    message = made(THREE)(text="text", real=1.5, numbers=[1, 2, 3], labels={"a": "1", "b": "2"}, first="first")
    message.leaf.name = "leaf"
    message.leaf.number = 1
    for number, name in enumerate("abcde"):
        message.leaves.add(name=name, number=number)
    message.named["x"].name = "x"
    message.named["y"].name = "y"
    message.any.Pack(made("edges.three.Leaf")(name="packed", number=1))
    return message


def changed(code: str) -> Any:
    """Return the base with statements run on it."""
    message = base()
    exec(code, {"m": message, "Leaf": made("edges.three.Leaf")})  # noqa: S102 - the tests' own statements
    return message


def merged(mine: Any, theirs: Any, form: Form = "text") -> MergeResult:
    document = opened(serialized(base()), form=form)
    return document.merge(opened(serialized(mine), form=form).text, serialized(theirs))


def result(merge: MergeResult) -> Any:
    return made(THREE).FromString(merge.document.encode(merge.text).value)


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ("m.text = 'mine'", "m.real = 2.5"),
        ("m.leaf.name = 'mine'", "m.leaf.number = 2"),
        ("m.ClearField('leaf')", "m.text = 'theirs'"),
        ("m.leaves[1].name = 'mine'", "m.leaves[3].name = 'theirs'"),
        ("m.leaves[1].name = 'mine'", "m.leaves[1].number = 9"),
        ("del m.leaves[0]", "m.leaves.add(name='theirs')"),
        ("m.leaves.insert(1, Leaf(name='mine'))", "del m.leaves[4]"),
        ("m.labels['a'] = 'mine'", "m.labels['c'] = 'theirs'"),
        ("m.labels.pop('a')", "m.labels['b'] = 'theirs'"),
        ("m.named['x'].name = 'mine'", "m.named['x'].number = 5"),
        ("m.named['z'].name = 'mine'", "m.named.pop('y')"),
        ("m.numbers[0] = 7", "m.numbers.append(4)"),
        ("m.third = 5", "m.text = 'theirs'"),
        ("m.maybe = ''", "m.flag = True"),
    ],
)
def test_merge_of_different_changes_keeps_both(mine: str, theirs: str, form: Form) -> None:
    """Changes of different fields are both kept."""
    both = serialized(changed(f"{theirs}\n{mine}"))
    merge = merged(changed(mine), changed(theirs), form)
    assert merge.conflicts == ()
    assert serialized(result(merge)) == both
    assert serialized(result(merged(changed(theirs), changed(mine), form))) == both


@pytest.mark.parametrize("form", ["text", "json"])
def test_merge_in_an_any_keeps_both_changes(form: Form) -> None:
    """Changes of different fields inside an Any are both kept."""
    merge = merged(
        changed("m.any.Pack(Leaf(name='mine', number=1))"), changed("m.any.Pack(Leaf(name='packed', number=2))"), form
    )
    assert merge.conflicts == ()
    assert result(merge) == changed("m.any.Pack(Leaf(name='mine', number=2))")


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(
    ("mine", "theirs", "where"),
    [
        ("m.text = 'mine'", "m.text = 'theirs'", "text"),
        ("m.leaf.name = 'mine'", "m.leaf.name = 'theirs'", "leaf.name"),
        ("m.ClearField('leaf')", "m.leaf.name = 'theirs'", "leaf"),
        ("m.leaf.name = 'mine'", "m.ClearField('leaf')", "leaf"),
        ("m.leaves[1].name = 'mine'", "m.leaves[1].name = 'theirs'", "leaves[1].name"),
        ("m.leaves[1].name = 'mine'", "del m.leaves[1]", "leaves[1]"),
        ("m.labels['a'] = 'mine'", "m.labels['a'] = 'theirs'", 'labels["a"]'),
        ("m.labels['a'] = 'mine'", "m.labels.pop('a')", 'labels["a"]'),
        ("m.labels['new'] = 'mine'", "m.labels['new'] = 'theirs'", 'labels["new"]'),
        ("m.named['x'].name = 'mine'", "m.named.pop('x')", 'named["x"]'),
        ("m.numbers[1] = 8", "m.numbers[1] = 9", "numbers[1]"),
        ("m.third = 5", "m.second.name = 'theirs'", "one"),
        ("m.any.Pack(Leaf(name='mine', number=1))", "m.any.Pack(Leaf(name='theirs', number=1))", "any.name"),
    ],
)
def test_merge_conflict_is_named_and_takes_mine(mine: str, theirs: str, where: str, form: Form) -> None:
    """A conflict is named by its path, and mine is taken."""
    merge = merged(changed(mine), changed(theirs), form)
    assert merge.conflicts == (where,)
    assert serialized(result(merge)) == serialized(changed(mine))


def test_merge_of_equal_changes_has_no_conflict() -> None:
    """The same change on both sides is not a conflict."""
    for code in ("m.text = 'both'", "m.leaves[1].name = 'both'", "m.labels['a'] = 'both'", "m.third = 1"):
        merge = merged(changed(code), changed(code))
        assert merge.conflicts == ()
        assert not merge.document.encode(merge.text).changed


def test_merge_takes_unknown_fields_of_theirs() -> None:
    """Unknown fields are those of theirs."""
    unknown = b"\xa2\x3f\x03new"
    document = opened(serialized(base()))
    merge = document.merge(document.text.replace('"text"', '"mine"'), unknown + serialized(base()))
    encoded = merge.document.encode(merge.text)
    assert encoded.value == unknown + serialized(changed("m.text = 'mine'"))


def test_merge_of_invalid_value_is_refused() -> None:
    """A value that is not such a message cannot be merged."""
    document = opened(serialized(base()))
    with pytest.raises(InvalidText, match="cannot be merged"):
        document.merge(document.text, b"\xff")
    with pytest.raises(InvalidText, match="not_there"):
        document.merge("not_there: 1", serialized(base()))


STATEMENTS = (
    "m.text = 'x'", "m.text = 'y'", "m.leaf.name = 'x'", "m.leaf.number = 7", "m.ClearField('leaf')",
    "m.leaves[0].name = 'x'", "m.leaves[2].number = 77", "del m.leaves[1]", "m.leaves.add(name='x')",
    "m.leaves.insert(0, Leaf(name='y'))", "m.labels['a'] = 'x'", "m.labels.pop('b', None)", "m.named['x'].number = 3",
    "m.named.pop('y', None)", "m.numbers.append(9)", "m.numbers[0] = 5", "m.third = 3", "m.second.name = 'x'",
    "m.ClearField('first')", "m.any.Pack(Leaf(name='x'))", "m.ClearField('any')",
)  # fmt: skip
changes = some.lists(some.sampled_from(STATEMENTS), max_size=4, unique=True).map("\n".join)


@settings(max_examples=examples(200, 5_000))
@given(mine=changes, theirs=changes, form=some.sampled_from(["text", "json"]))
def test_any_merge_result_can_be_encoded(mine: str, theirs: str, form: Form) -> None:
    """Any merged text can be encoded, and its value has the shown text."""
    merge = merged(changed(mine), changed(theirs), form)
    assert opened(serialized(result(merge)), form=form).text == merge.text
    if serialized(changed(mine)) == serialized(base()):
        assert serialized(result(merge)) == serialized(changed(theirs))
    if serialized(changed(theirs)) == serialized(base()):
        assert serialized(result(merge)) == serialized(changed(mine))
    if serialized(changed(mine)) == serialized(changed(theirs)):
        assert merge.conflicts == ()
