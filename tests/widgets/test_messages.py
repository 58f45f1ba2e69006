import re
from contextlib import suppress
from dataclasses import fields as fields_of
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from widgets import messages
from widgets.messages import MAX_BUFFER, InvalidMessage, Perform, Window, parse

_WINDOW: Final[dict[str, Any]] = {
    "type": "window", "id": 7, "view": "v", "pane": "tree", "generation": 1,
    "start": 0, "count": 40, "height": 20, "step": 1,
}  # fmt: skip


def test_message_on_the_list_is_parsed() -> None:
    request = parse(_WINDOW, [])
    assert (request.id, request.view) == (7, "v")
    assert request.body == Window("tree", 1, 0, 40, 20, 1)
    assert request.buffer is None


def test_buffer_of_a_perform_message_is_kept() -> None:
    content = {"type": "perform", "id": 1, "view": "v", "action": "save", "pane": "value", "times": 1}
    request = parse(content, [memoryview(b"text")])
    assert request.body == Perform("save", "value", 1)
    assert request.buffer == b"text"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"type": "eval"}, "unknown type"),
        ({"type": "__class__"}, "unknown type"),
        ({"type": ["window"]}, "unknown type"),
        ({"id": "7"}, "id: not an integer"),
        ({"id": True}, "id: not an integer"),
        ({"start": 1.5}, "start: not an integer"),
        ({"start": None}, "start: not an integer"),
        ({"start": 1 << 60}, "start: out of range"),
        ({"pane": 3}, "pane: not a string"),
        ({"pane": "x" * 20_000}, "pane: longer than"),
        ({"view": "x" * 20_000}, "view: longer than"),
        ({"extra": 1}, "1 unknown fields"),
    ],
)
def test_message_off_the_list_is_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidMessage, match=reason):
        parse({**_WINDOW, **changes}, [])


@pytest.mark.parametrize("content", [None, 1, "window", [], [_WINDOW], b"x"])
def test_content_that_is_no_object_is_refused(content: object) -> None:
    with pytest.raises(InvalidMessage, match="not an object"):
        parse(content, [])


def test_missing_field_is_refused() -> None:
    with pytest.raises(InvalidMessage, match="height: not an integer"):
        parse({name: value for name, value in _WINDOW.items() if name != "height"}, [])


def test_other_protocol_is_refused() -> None:
    with pytest.raises(InvalidMessage, match="reload the page"):
        parse({"type": "hello", "id": 1, "view": "v", "protocol": 0}, [])


@pytest.mark.parametrize("buffers", [[b"x"], [b"x", b"y"]])
def test_buffer_of_a_message_without_text_is_refused(buffers: list[bytes]) -> None:
    with pytest.raises(InvalidMessage, match="unexpected buffers"):
        parse(_WINDOW, buffers)


def test_too_large_buffer_is_refused() -> None:
    """It is refused by its size, before it is copied."""
    content = {"type": "text", "id": 1, "view": "v", "edit": 1, "base": 1}
    with pytest.raises(InvalidMessage, match="larger than"):
        parse(content, [memoryview(bytearray(MAX_BUFFER + 1))])


_JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*_WINDOW, "text", "protocol", "edit", "choice"]), _JSON | st.just("window")))
def test_any_object_is_parsed_or_refused(content: dict[str, Any]) -> None:
    """No other exception leaves the parser, whatever a page sends."""
    with suppress(InvalidMessage):
        assert parse(content, []).view == content["view"]


_SENT: Final = re.compile(r"""\.(?:send|ask)\(\s*"(\w+)"(?:\)|, \{([^}]*)\})""")
_STATIC: Final = Path(messages.__file__).with_name("static")


def test_pages_send_what_the_kernel_accepts() -> None:
    """Every message in the front end has the fields of its class; a missing one would be refused in every page."""
    sent = [
        (kind, {field.partition(":")[0].strip() for field in (fields or "").split(",") if field.strip()})
        for file in sorted(_STATIC.glob("*.js"))
        for kind, fields in _SENT.findall(file.read_text(encoding="utf-8"))
    ]
    assert {kind for kind, _ in sent} >= {"hello", "bye", "alive", "window", "click", "filter", "go", "complete"}
    for kind, names in sent:
        body = messages.BODIES[kind]
        assert names == {field.name for field in fields_of(body)}, kind
