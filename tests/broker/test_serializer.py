"""Serialisers of messages."""

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from explorer.broker import BinarySerializer, JsonSerializer
from explorer.model.errors import InvalidText
from tests.broker.messages import Greetings

JSON, WIRE = JsonSerializer(), BinarySerializer()


@pytest.mark.parametrize(
    ("message", "value"),
    [
        (Greetings(greeting="Hi", times_said=2), b'{"greeting": "Hi", "times_said": 2}'),
        (Greetings(), b"{}"),
        (b"any\xff", b"any\xff"),
        ({"a": [1, None, "\u00e9"]}, b'{"a": [1, null, "\xc3\xa9"]}'),
        ([1], b"[1]"),
        ("text", b'"text"'),
    ],
)
def test_json_and_back(message: object, value: bytes) -> None:
    assert JSON.encode(message) == value
    assert JSON.decode(value, type(message)) == message


@pytest.mark.parametrize("message", [Greetings(greeting="Hi", times_said=2), Greetings(), b"any\xff"])
def test_wire_and_back(message: object) -> None:
    assert WIRE.decode(WIRE.encode(message), type(message)) == message


def test_json_of_a_well_known_type() -> None:
    """Its JSON is no object."""
    moment = Timestamp(seconds=1)
    assert JSON.encode(moment) == b'"1970-01-01T00:00:01Z"'
    assert JSON.decode(JSON.encode(moment), Timestamp) == moment


def test_json_accepts_the_names_that_protojson_writes() -> None:
    """Both spellings of a name are read; the one of the `.proto` file is written."""
    assert JSON.decode(b'{"timesSaid": 2}', Greetings) == Greetings(times_said=2)


def test_wire_keeps_unknown_fields() -> None:
    """A newer program's fields survive an older one."""
    value = Greetings(greeting="Hi").SerializeToString() + b"\xfa\x01\x01x"
    assert WIRE.encode(WIRE.decode(value, Greetings)) == value


@pytest.mark.parametrize(
    "value", [b"", b"{", b"[]", b'""', b"null", b'{"farewell": 1}', b'{"times_said": "x"}', b"\xff", b"\x1b[31m"]
)
def test_invalid_json_is_one_clear_line(value: bytes) -> None:
    with pytest.raises(InvalidText, match="the value is no Greetings") as caught:
        JSON.decode(value, Greetings)
    assert caught.value.message.isprintable()


def test_json_of_another_type_is_an_error() -> None:
    with pytest.raises(InvalidText, match="type list"):
        JSON.decode(b"[1]", dict)


def test_invalid_wire_is_an_error() -> None:
    with pytest.raises(InvalidText, match="Greetings"):
        WIRE.decode(b"\x0a\xff", Greetings)


def test_wire_takes_messages_only() -> None:
    with pytest.raises(TypeError, match="dict"):
        WIRE.encode({})
    with pytest.raises(TypeError, match="dict"):
        WIRE.decode(b"", dict)
