"""Parser of Redis's protocol 3, as far as a connection that only listens needs it.

redis-py delivers invalidations only to a handler inside of its parser, and only while somebody reads a reply.
"""

from typing import Final, TypeAlias

Frame: TypeAlias = "bytes | int | float | bool | ErrorFrame | PushFrame | list[Frame] | None"

_MAX_LENGTH: Final = 2**29
"""Bytes in one string, as the server limits them."""
_MAX_ITEMS: Final = 2**20
_MAX_DEPTH: Final = 8
_MAX_LINE: Final = 2**16


class ErrorFrame(str):
    """An error reply."""

    __slots__ = ()


class PushFrame(list["Frame"]):
    """A push, which answers no request."""

    __slots__ = ()


class _IncompleteError(Exception):
    """The rest of a frame has not arrived."""


class Resp3Parser:
    """Frames in the bytes that arrive."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._position = 0

    def feed(self, data: bytes) -> list[Frame]:
        """Add bytes, and return the frames that are complete.

        Raises:
            ValueError: They are not of this protocol.
        """
        self._buffer += data
        frames: list[Frame] = []
        start = 0
        try:
            while True:
                self._position = start
                frames.append(self._frame(0))
                start = self._position
        except _IncompleteError:
            del self._buffer[:start]
            return frames

    def _frame(self, depth: int) -> Frame:
        line = self._line()
        kind, text = line[:1], line[1:]
        match kind:
            case b"+":
                return text
            case b"-":
                return ErrorFrame(text.decode(errors="replace"))
            case b":" | b"(":
                return int(text)
            case b",":
                return float(text)
            case b"#":
                return text == b"t"
            case b"_":
                return None
            case b"$" | b"=" | b"!":
                return self._string(kind, text)
            case b"*" | b"~" | b">" | b"%" | b"|":
                return self._items(kind, text, depth)
            case _:
                message = f"unknown kind of frame: {kind!r}"
                raise ValueError(message)

    def _line(self) -> bytes:
        end = self._buffer.find(b"\r\n", self._position)
        if end < 0:
            if len(self._buffer) - self._position > _MAX_LINE:
                message = "a line without end"
                raise ValueError(message)
            raise _IncompleteError
        line = bytes(self._buffer[self._position : end])
        self._position = end + 2
        return line

    def _string(self, kind: bytes, text: bytes) -> Frame:
        length = int(text)
        if length < 0:
            return None
        if length > _MAX_LENGTH:
            message = f"a string of {length} bytes"
            raise ValueError(message)
        end = self._position + length
        if len(self._buffer) < end + 2:
            raise _IncompleteError
        found = bytes(self._buffer[self._position : end])
        self._position = end + 2
        return ErrorFrame(found.decode(errors="replace")) if kind == b"!" else found

    def _items(self, kind: bytes, text: bytes, depth: int) -> Frame:
        count = int(text) * (2 if kind in b"%|" else 1)
        if count < 0:
            return None
        if count > _MAX_ITEMS or depth >= _MAX_DEPTH:
            message = f"{count} items at depth {depth}"
            raise ValueError(message)
        items = [self._frame(depth + 1) for _ in range(count)]
        if kind == b"|":  # attributes of the frame that follows
            return self._frame(depth + 1)
        return PushFrame(items) if kind == b">" else items


def encode_command(*words: bytes | str) -> bytes:
    """Return the bytes of a command."""
    parts = [word.encode() if isinstance(word, str) else word for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
