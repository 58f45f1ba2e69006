"""JSON and YAML in one line are shown indented, and stored in the layout that they had."""

import json
from collections.abc import Callable

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as some

from explorer.codecs.base import Choice
from explorer.codecs.codecs import Codecs
from explorer.codecs.text.json_syntax import json_tokens
from explorer.codecs.text.text import MAX_INDENTED_SIZE, TextDocument
from explorer.codecs.text.token_layout import TokenLayout
from explorer.codecs.text.yaml_syntax import flow_layout
from explorer.model.errors import InvalidText
from tests.scale import examples

CODECS = Codecs()
NUMBERS = ["0", "-0", "1.10", "1e400", "-1E+2", "12345678901234567890123", "0.1000"]
STRINGS = ['""', '"a"', '"b"', '"\\u0041\\/"', '"\\ud83d\\ude00 é"', '"[1, {"', '"\\\\\\""', '"🙂"']
SCALARS = [*NUMBERS, *STRINGS, "true", "false", "null"]
GAPS = ["", " ", "  ", "\t", "\n", "\r\n", "\n  "]
_scalars = some.sampled_from(SCALARS)
_names = some.sampled_from(STRINGS)
trees: some.SearchStrategy[object] = some.recursive(
    _scalars,
    lambda inner: some.lists(inner, max_size=4) | some.lists(some.tuples(_names, inner), max_size=4).map(tuple),
)


def _tokens(tree: object) -> list[str]:
    """Return the tokens of a tree: a list is a list, a tuple of pairs an object, a text a scalar."""
    if isinstance(tree, str):
        return [tree]
    assert isinstance(tree, list | tuple)
    parts: list[str] = []
    for element in tree:
        name = [element[0], ":"] if isinstance(tree, tuple) else []
        parts += [
            *([","] if parts else []),
            *name,
            *_tokens(element[1] if isinstance(tree, tuple) else element),
        ]
    start, end = "{}" if isinstance(tree, tuple) else "[]"
    return [start, *parts, end]


@some.composite
def spaced(draw: some.DrawFn, gaps: list[str] = GAPS) -> tuple[list[str], list[str]]:
    """Return the tokens of some JSON and a gap around each."""
    tokens = _tokens(draw(trees))
    return tokens, draw(some.lists(some.sampled_from(gaps), min_size=len(tokens) + 1, max_size=len(tokens) + 1))


def _joined(tokens: list[str], gaps: list[str]) -> str:
    return "".join(gap + token for gap, token in zip(gaps, tokens, strict=False)) + gaps[-1]


def _document(value: bytes, codec: str = "json") -> TextDocument:
    document = CODECS.open("key", value, Choice("json" if codec == "json" else "yaml", indented=True))
    assert isinstance(document, TextDocument)
    return document


@settings(max_examples=examples(300, 20_000))
@given(spaced())
def test_indented_json_restores_any_layout(case: tuple[list[str], list[str]]) -> None:
    """Indented JSON has the same values, and encodes to the stored bytes."""
    text = _joined(*case)
    layout = TokenLayout(json_tokens(text), json_tokens)
    assert layout.restore(layout.text) == text
    assert json_tokens(layout.text).texts == case[0]
    document = _document(text.encode())
    encoded = document.encode(document.text)
    assert (encoded.value, encoded.changed) == (text.encode(), False)
    if document.indented:
        again = document.encode(f"{document.text}\n")
        assert (again.value, again.changed) == (text.encode(), False)


@settings(max_examples=examples(300, 20_000))
@given(spaced(), some.data())
def test_edit_of_one_value_changes_only_its_bytes(case: tuple[list[str], list[str]], data: some.DataObject) -> None:
    """Replacing one scalar keeps every other byte, white space included."""
    tokens, gaps = case
    places = [at for at, one in enumerate(tokens) if one not in "[]{},:" and tokens[at + 1 : at + 2] != [":"]]
    assume(places)
    at = data.draw(some.sampled_from(places))
    changed = [*tokens[:at], data.draw(_scalars), *tokens[at + 1 :]]
    layout = TokenLayout(json_tokens(_joined(tokens, gaps)), json_tokens)
    edited = TokenLayout(json_tokens("".join(changed)), json_tokens).text
    assert layout.restore(edited) == _joined(changed, gaps)


@pytest.mark.parametrize(
    ("stored", "edit", "expected"),
    [
        ('{"a":1,"b":[1,2]}\n', lambda old: old | {"c": 3}, '{"a":1,"b":[1,2],"c":3}\n'),
        ('{"a": 1, "b": [1, 2]}', lambda old: old | {"c": {"d": [4, 5]}}, '{"a": 1, "b": [1, 2], "c": {"d": [4, 5]}}'),
        ('{ "a": [ 1 ] }', lambda _: {"a": [1, 2]}, '{ "a": [ 1,2 ] }'),
        ('{"a":1, "b":2}', lambda _: {"b": 2}, '{"b":2}'),
        ("[1, 2, 3]", lambda _: [1, 3], "[1, 3]"),
        ('{\n    "a": 1,\n    "b": 2\n}\n', lambda old: old | {"c": [1]}, None),
    ],
    ids=["compact", "spaced", "inner spaces", "first removed", "middle removed", "four spaces"],
)
def test_additions_take_the_stored_style(stored: str, edit: Callable[..., object], expected: str | None) -> None:
    """Additions and removals take the style of the stored layout."""
    document = _document(stored.encode())
    written = document.encode(json.dumps(edit(json.loads(stored)), indent=2)).value.decode()
    if expected is None:
        expected = '{\n    "a": 1,\n    "b": 2,\n    "c": [1]\n}\n'
        assert json.loads(written) == json.loads(expected)
        assert written.startswith('{\n    "a": 1,\n    "b": 2,\n    "c": [')
    else:
        assert written == expected


@pytest.mark.parametrize(
    ("key", "stored", "shown"),
    [
        ("k", '{"on":false,"rps":20}', '{\n  "on": false,\n  "rps": 20\n}'),
        ("k", ' [1.10, {"a": []}] \r\n', '[\n  1.10,\n  {\n    "a": []\n  }\n]'),
        ("k", "{on: false, rps: [1, 2]}\n", "{\n  on: false,\n  rps: [\n    1,\n    2\n  ]\n}"),
        ("k.yaml", '{"a":1,b: &x !!str y, c: *x}', '{\n  "a": 1,\n  b: &x !!str y,\n  c: *x\n}'),
        ("k.yaml", "[a: 1, ? b : 2, {c}]", "[\n  a: 1,\n  ? b: 2,\n  {\n    c\n  }\n]"),
        ("k.yaml", '{🙂: \'a, b\', "c\\"}": 1}', '{\n  🙂: \'a, b\',\n  "c\\"}": 1\n}'),
    ],
)
def test_one_line_is_shown_indented(key: str, stored: str, shown: str) -> None:
    """Each line has one element, the title says so, and an unchanged text changes nothing."""
    document = CODECS.open(key, stored.encode())
    assert document.text == shown
    assert document.title.endswith(", indented")
    assert (encoded := document.encode(shown)).value == stored.encode()
    assert not encoded.changed
    other = document.alternative()
    assert other is not None
    as_stored = CODECS.open(key, stored.encode(), other)
    assert (as_stored.text.strip(), as_stored.title) == (stored.strip(), f"{other.codec}, as stored")
    back = as_stored.alternative()
    assert back is not None
    assert CODECS.open(key, stored.encode(), back).text == shown


@pytest.mark.parametrize(
    ("key", "stored"),
    [
        ("k", '{\n  "a": 1\n}'),
        ("k", '{\r\n"a": 1}'),
        ("k", "{}"),
        ("k", "[ ]"),
        ("k.json", "42"),
        ("k", '{"a": 1,}'),
        ("k.yaml", "a: {b: 1}"),
        ("k.yaml", "{a: 1} # why"),
        ("k.yaml", "--- {a: 1}"),
        ("k.json", "[" + "1," * (MAX_INDENTED_SIZE["json"] // 2) + "1]"),
    ],
    ids=lambda one: one[:12],
)
def test_everything_else_is_shown_as_stored(key: str, stored: str) -> None:
    """A value with several lines, no elements, comments or a mistake is shown as stored."""
    document = CODECS.open(key, stored.encode())
    assert not document.indented
    assert document.text == stored.replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("stored", "old", "new", "expected"),
    [
        ("{a: 1, b: 2}", "1", "x", "{a: x, b: 2}"),
        ('{"a":1,"b":2}', '"b"', "b", '{"a":1,b: 2}'),
        ("{a: [1,2]}\n", "2", "2,\n    3", "{a: [1,2,3]}\n"),
        ("[a: 1]", "1", "'2'", "[a: '2']"),
    ],
)
def test_yaml_flow_is_edited_indented(stored: str, old: str, new: str, expected: str) -> None:
    """An edit is written in the stored line; spaces that YAML needs are inserted."""
    document = _document(stored.encode(), "yaml")
    assert document.encode(document.text.replace(old, new)).value.decode() == expected


@pytest.mark.parametrize("stored", ["{a: 1, b: 2}\n", "[x, y]"])
@pytest.mark.parametrize("text", ["", " ", "\n\n"])
def test_yaml_flow_that_is_emptied_is_an_empty_value(stored: str, text: str) -> None:
    """No document at all is YAML, too; it has no tokens to lay out."""
    assert _document(stored.encode(), "yaml").encode(text).value.strip() == b""


def test_yaml_that_needs_its_lines_is_refused_in_one_line() -> None:
    """A comment or a block cannot be written into a line: the edit is refused."""
    document = _document(b"{a: 1, b: 2}", "yaml")
    for text in ("{\n  a: 1, # why\n  b: 2\n}", "a: 1\nb: 2\n"):
        with pytest.raises(InvalidText):
            document.encode(text)


_yaml: some.SearchStrategy[str] = some.recursive(
    some.sampled_from(["a", "1", "'b, c'", '"d: \\n"', "true", "~", "x y", "http://h", "-1", "!!str z"]),
    lambda inner: (
        some.lists(inner, max_size=3).map(lambda parts: f"[{', '.join(parts)}]")
        | some.lists(some.tuples(some.sampled_from(["k", "'q'", '"j"', "n m"]), inner), max_size=3).map(
            lambda pairs: "{" + " , ".join(f"{name}: {value}" for name, value in pairs) + "}"
        )
    ),
)


@settings(max_examples=examples(150, 5_000))
@given(_yaml)
def test_indented_yaml_restores_its_line(text: str) -> None:
    """Flow style comes back byte for byte."""
    layout = flow_layout(text)
    assume(layout is not None and layout.stored.has_elements)
    assert layout is not None
    assert layout.restore(layout.text) == text


def test_only_white_space_changed_writes_nothing() -> None:
    """A change of the indentation alone writes nothing, with a note."""
    document = CODECS.open("k", b'{"a":1}')
    encoded = document.encode('{ "a":\n\n1 }')
    assert (encoded.value, encoded.changed) == (b'{"a":1}', False)
    assert "white space" in encoded.notes[0]


def test_merge_of_indented_json_keeps_their_layout() -> None:
    """Two edits of different members of one line are merged, in the layout that is stored now."""
    document = CODECS.open("k", b'{"a":1,"b":2,"c":3}')
    merge = document.merge(document.text.replace("1", "10"), b'{"a": 1, "b": 2, "c": 30}\n')
    assert not merge.conflicts
    assert merge.document.encode(merge.text).value == b'{"a": 10, "b": 2, "c": 30}\n'
    with pytest.raises(InvalidText, match="no longer a json list or mapping"):
        document.merge(document.text, b"gone")


def test_wrong_json_has_its_place_in_the_indented_text() -> None:
    """Line and column are those of the text that is edited."""
    document = CODECS.open("k", b'{"a":1,"b":2}')
    with pytest.raises(InvalidText) as caught:
        document.encode(document.text.replace("2", ""))
    assert (caught.value.line, caught.value.column) == (4, 1)


def test_edits_far_apart_keep_every_gap_between_them() -> None:
    """In a large value with white space of every kind only the edited values change, however far apart they are."""
    gaps = ["", " ", "  ", "\t"]
    parts = [f'{{"id":{gaps[at % 4]}{at},{gaps[at % 3]}"on":{gaps[at % 2]}true}}' for at in range(4000)]
    stored = f"[{', '.join(parts)}]"
    layout = TokenLayout(json_tokens(stored), json_tokens)
    edited = layout.text.replace('"id": 3,', '"id": "x",').replace('"id": 3998,', '"id": "y",')
    expected = stored.replace('"id":\t3,', '"id":\t"x",').replace('"id":  3998,', '"id":  "y",')
    assert layout.restore(edited) == expected != stored
