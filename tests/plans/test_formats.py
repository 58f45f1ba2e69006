"""Formats of exports: what is written is read again, by us and by the stores' own tools."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.model.entries import Entry
from explorer.model.errors import InvalidText
from explorer.plans.formats import FORMATS, read, write

KEYS = st.binary(min_size=1, max_size=6).map(lambda data: data.decode("utf-8", "surrogateescape")) | st.sampled_from(
    ["a", "a/", "a//b", "/a", "a/b", "true", "1", "null", "a: b", "- a", "#a", "a\nb", "ü", "=", "~", "<<"]
)
VALUES = st.binary(max_size=8) | st.sampled_from([b"", b"true", b"12", b"a: b", b"a\nb\n", b" x ", "ü".encode(), b"~"])


def written(form: str, entries: list[Entry]) -> str:
    return "".join(write(form, entries))


@given(st.sampled_from(FORMATS), st.dictionaries(KEYS, VALUES, max_size=6))
def test_written_entries_are_read_again(form: str, values: dict[str, bytes]) -> None:
    """Keys and values of any bytes survive in every format."""
    entries = [Entry(key, value, 1) for key, value in values.items()]
    found = read(written(form, entries), form=form)
    assert {entry.key: entry.value for entry in found} == values


@given(st.sampled_from(FORMATS), st.dictionaries(KEYS, VALUES, min_size=1, max_size=6))
def test_format_is_found_out(form: str, values: dict[str, bytes]) -> None:
    """A file is read without being told its format."""
    entries = [Entry(key, value, 1) for key, value in values.items()]
    assert {entry.key: entry.value for entry in read(written(form, entries))} == values


@pytest.mark.parametrize("form", ["jsonl", "consul"])
def test_flags_are_read_again(form: str) -> None:
    """Also the largest that Consul has."""
    entries = [Entry("a", b"1", 1, meta={"flags": 2**64 - 1}), Entry("b", b"2", 1)]
    assert [entry.meta.get("flags") for entry in read(written(form, entries))] == [2**64 - 1, None]


def test_tree_is_readable() -> None:
    """A person edits a tree: names by levels, texts as they are, several lines as a block."""
    entries = [
        Entry("app/a", b"1", 1),
        Entry("app/b/c", b"x\ny\n", 2),
        Entry("app", b"own", 3),
        Entry("bin", b"\xff", 4),
    ]
    assert written("yaml", entries) == (
        "app/:\n  a: '1'\n  b/:\n    c: |\n      x\n      y\napp: own\nbin: !!binary |\n  /w==\n"
    )


def test_numbers_in_a_tree_are_texts_as_written() -> None:
    """A scalar without quotes is the text that a person sees."""
    found = read("port: 8080\nratio: 1.50\non: yes\nempty:\n")
    assert {entry.key: entry.value for entry in found} == {
        "port": b"8080",
        "ratio": b"1.50",
        "on": b"yes",
        "empty": b"",
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [1, 2]", "the value of 'a' is no text"),
        ("a: &x 1\nb: *x", "line 2: aliases are not read"),
        ("a/b: 1", "has '/' in it"),
        ("a: 1\na: 2", "twice"),
        ("a: 'x", "line 1: no YAML"),
        ('{"a": 1}', "the value of 'a' is no text"),
        ('{"a": "1", "a": "2"}', "twice"),
        ('{"kvs": [{"key": "?", "value": ""}]}', "no base64"),
        ('[{"key": "a"}]', 'no "key" and "value"'),
        ("[" * 100_000, "nested too deeply|no JSON"),
        ('{"key": "a", "text": "1"}\n{"key": "a", "text": "2"}', "twice"),
        ('{"key": "a", "text": "1"}\n{"key": "b"}', "line 2: no object"),
        ('{"key": "a", "text": "1", "meta": {"flags": []}}', '"meta" is no object of texts and numbers'),
        ('{"key": "a", "text": "1"}\n{"key": "b", "te', "line 2, column [0-9]+: no JSON, or cut off"),
    ],
)
def test_what_is_no_export_is_refused(text: str, reason: str) -> None:
    """One line with the place and the reason."""
    with pytest.raises(InvalidText, match=reason):
        read(text)
