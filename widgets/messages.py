"""Messages from a page: a closed list. What is not on it, malformed or too large is refused.

Each message is a JSON object with its type, a request id, the id of the view in the page, and the fields of its class.
Texts that may be long come in a binary buffer.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Final, TypeAlias, get_args

PROTOCOL: Final = 1
"""Version of the messages; a page of another version is refused."""
MAX_ROWS: Final = 500
"""Maximum number of rows of a window."""
_MAX_TEXT: Final = 16 * 1024
"""Maximum number of characters of a field."""
MAX_BUFFER: Final = 64 << 20
"""Maximum number of bytes of a text in a buffer."""
_MAX_INT: Final = 1 << 53
"""Integers of a page are exact up to here."""


class InvalidMessage(Exception):  # noqa: N818 - says what it is
    """A message of a page that is refused."""


@dataclass(frozen=True, slots=True)
class Hello:
    """A view was opened, or lost its kernel and has it again: it asks for everything."""

    protocol: int


@dataclass(frozen=True, slots=True)
class Bye:
    """A view was closed."""


@dataclass(frozen=True, slots=True)
class Alive:
    """A view still exists."""


@dataclass(frozen=True, slots=True)
class Window:
    """Rows of a pane that a view shows or is about to show."""

    pane: str
    generation: int
    """Number of the request; answers and patches to earlier ones are outdated."""
    start: int
    count: int
    height: int
    """Number of rows that fit into the view."""
    step: int
    """1 if a person scrolled down, -1 if up, 0 if the view shows the cursor."""


@dataclass(frozen=True, slots=True)
class Click:
    """A click on a row."""

    pane: str
    row: int
    """Id of the row."""
    gesture: str
    """`select`, `toggle` or `show`."""


@dataclass(frozen=True, slots=True)
class Perform:
    """An action of the registry."""

    action: str
    pane: str
    """Pane with the focus."""
    times: int
    """Number of key presses; a page counts those of a frame."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Text of the filter; "" ends it."""

    text: str


@dataclass(frozen=True, slots=True)
class Go:
    """Key to go to."""

    text: str


@dataclass(frozen=True, slots=True)
class Complete:
    """Start of a key to complete."""

    text: str


@dataclass(frozen=True, slots=True)
class Tab:
    """Tab of the value to show."""

    name: str


@dataclass(frozen=True, slots=True)
class More:
    """Part of a long text that a view comes to."""

    pane: str
    version: int
    """Version of the text."""
    start: int
    """Unit that the part begins with, as the part before said."""


@dataclass(frozen=True, slots=True)
class Text:
    """Text that was typed in the editor, in the buffer."""

    edit: int
    """Number of the edit."""
    base: int
    """Version of the text that it was typed in."""


@dataclass(frozen=True, slots=True)
class Paste:
    """Text of the editor with a pasted one in it, in the buffer: the pasted one may have to be escaped."""

    edit: int
    base: int
    start: int
    """Index of the pasted text, in characters of Unicode."""
    stop: int


@dataclass(frozen=True, slots=True)
class Save:
    """A change is to be reviewed, with its text in the buffer; or the review that is shown is to be saved."""

    edit: int
    base: int
    """Version of the text that the one in the buffer was typed in; 0 without one."""
    review: int
    """Number of the review that is shown; 0 for none."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer to a dialog; a text that may be long is in the buffer."""

    dialog: int
    choice: int
    """Index of the option; -1 closes the dialog without an answer."""
    text: str


@dataclass(frozen=True, slots=True)
class Failure:
    """An exception in the page."""

    text: str
    """Its type and where it was raised; no message, which may quote a value."""


@dataclass(frozen=True, slots=True)
class Hint:
    """Text that is typed in a dialog; the answer says how it is read."""

    dialog: int
    text: str


Browsing: TypeAlias = (
    Hello | Bye | Alive | Failure | Hint | Window | Click | Perform | Filter | Go | Complete | Tab | More | Answer
)
Editing: TypeAlias = Text | Paste | Save
Body: TypeAlias = Browsing | Editing


@dataclass(frozen=True, slots=True)
class Request:
    """A message of a page."""

    id: int
    view: str
    body: Body
    buffer: bytes | None = None


BODIES: Final = MappingProxyType({body.__name__.lower(): body for body in (*get_args(Browsing), *get_args(Editing))})
_WITH_BUFFER: Final = (Text, Paste, Save, Perform, Answer)


def parse(content: object, buffers: Sequence[object]) -> Request:
    """Return the request of a message.

    Raises:
        InvalidMessage: It is not on the list, malformed, or too large; the message says what, without its content.
    """
    if not isinstance(content, Mapping):
        raise InvalidMessage("not an object")
    name = content.get("type")
    body = BODIES.get(name) if isinstance(name, str) else None
    if body is None:
        raise InvalidMessage("unknown type")
    number, view = _integer("id", content.get("id")), _string("view", content.get("view"))
    values = {
        field.name: (_integer if field.type is int else _string)(field.name, content.get(field.name))
        for field in fields(body)
    }
    unknown = content.keys() - values.keys() - {"type", "id", "view"}
    if unknown:
        raise InvalidMessage(f"{name}: {len(unknown)} unknown fields")
    if values.get("protocol", PROTOCOL) != PROTOCOL:
        raise InvalidMessage("another version of the protocol: reload the page")
    make: Callable[..., Body] = body
    return Request(number, view, make(**values), _buffer(buffers, allowed=body in _WITH_BUFFER))


def _string(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidMessage(f"{name}: not a string")
    if len(value) > _MAX_TEXT:
        raise InvalidMessage(f"{name}: longer than {_MAX_TEXT:,} characters")
    return value


def _integer(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidMessage(f"{name}: not an integer")
    if abs(value) > _MAX_INT:
        raise InvalidMessage(f"{name}: out of range")
    return value


def _buffer(buffers: Sequence[object], *, allowed: bool) -> bytes | None:
    if not buffers:
        return None
    if len(buffers) > 1 or not allowed:
        raise InvalidMessage("unexpected buffers")
    (buffer,) = buffers
    if not isinstance(buffer, bytes | bytearray | memoryview):
        raise InvalidMessage("not a binary buffer")
    if memoryview(buffer).nbytes > MAX_BUFFER:
        raise InvalidMessage(f"a buffer larger than {MAX_BUFFER:,} bytes")
    return bytes(buffer)
