"""HTTP/2 answers that etcd never sends, and a fake proxy that sends them, as no real server does on request."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from enum import IntEnum
from typing import Final

from tests.drivers.fake_server import FakeServer


class Frame(IntEnum):
    """Types of frames."""

    DATA = 0
    HEADERS = 1
    RST_STREAM = 3
    SETTINGS = 4
    PING = 6
    GOAWAY = 7


_PREFACE_BYTES: Final = 24
_HEAD_BYTES: Final = 9
_ACK: Final = 1
_END_STREAM: Final = 1
_END_HEADERS: Final = 4
_GRPC: Final = (("content-type", "application/grpc"),)


def frame(kind: Frame, stream: int, payload: bytes = b"", flags: int = 0) -> bytes:
    """Return a frame as it is sent."""
    return len(payload).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + payload


def _headers(stream: int, *fields: tuple[str, str], end: bool) -> bytes:
    block = b"".join(
        b"\x00" + bytes((len(name),)) + name.encode() + bytes((len(value),)) + value.encode() for name, value in fields
    )
    return frame(Frame.HEADERS, stream, block, _END_HEADERS | (_END_STREAM if end else 0))


class Answer:
    """Answer to each request: an HTTP status, gRPC messages, and a gRPC status at the end."""

    def __init__(
        self,
        *fields: tuple[str, str],
        status: str = "200",
        data: bytes = b"",
        end: Mapping[str, str] | None = None,
        instead: bytes | None = None,
    ) -> None:
        self._fields = fields
        self._status = status
        self._data = data
        self._end = end
        self._instead = instead

    def encode(self, stream: int) -> bytes:
        """Return the frames of the answer on a stream."""
        if self._instead is not None:
            return self._instead.replace(b"STRM", stream.to_bytes(4))
        last = self._end is None and not self._data
        frames = _headers(stream, (":status", self._status), *self._fields, end=last)
        if self._data:
            frames += frame(Frame.DATA, stream, self._data, 0 if self._end is not None else _END_STREAM)
        if self._end is not None:
            frames += _headers(stream, *self._end.items(), end=True)
        return frames


def message(payload: bytes, *, length: int | None = None, compressed: bool = False) -> bytes:
    """Return a message of gRPC."""
    return bytes((compressed,)) + (len(payload) if length is None else length).to_bytes(4) + payload


def _of_status(code: int | str, text: str = "from a proxy") -> Answer:
    return Answer(*_GRPC, ("grpc-status", f"{code}"), ("grpc-message", text))


def _reset(code: int) -> Answer:
    return Answer(instead=frame(Frame.RST_STREAM, 0, code.to_bytes(4)).replace(b"\0\0\0\0", b"STRM", 1))


_DONE: Final = {"grpc-status": "0"}
FOREIGN_ANSWERS: Final[Mapping[str, Answer | bytes]] = {
    "HTTP/1": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "garbage": bytes(range(256)) * 4,
    "nothing": b"",
    **{
        f"page {status}": Answer(("content-type", "text/html"), status=status, data=b"<h1>")
        for status in ("200", "404")
    },
    **{
        f"status {status}": Answer(("content-type", "text/plain"), status=status)
        for status in ("200", "204", "302", "400", "401", "403", "404", "418", "429", "500", "502", "503")
    },
    "unknown service": _of_status(12, "unknown service etcdserverpb.KV"),
    **{f"code {code}": _of_status(code) for code in (*range(1, 17), 99, "abc")},
    "code in other words": _of_status(7, "\x1b[31mRBAC: access denied"),
    "no message": Answer(*_GRPC, end=_DONE),
    "empty message": Answer(*_GRPC, data=message(b""), end=_DONE),
    "no protobuf": Answer(*_GRPC, data=message(b"\xff\xff\xff\xff"), end=_DONE),
    "page as a message": Answer(*_GRPC, data=message(b"<html><h1>Welcome</h1>"), end=_DONE),
    "two messages": Answer(*_GRPC, data=message(b"") * 2, end=_DONE),
    "breaks off": Answer(*_GRPC, data=message(b"\x0a", length=100), end=_DONE),
    "breaks off in the head": Answer(*_GRPC, data=b"\0\0", end=_DONE),
    "no end": Answer(*_GRPC, data=message(b"\x0a")),
    "compressed": Answer(*_GRPC, data=message(b"\x0a", compressed=True), end=_DONE),
    "no content type": Answer(data=message(b""), end=_DONE),
    **{f"reset {code}": _reset(code) for code in (0, 1, 2, 7, 8, 11)},
    **{f"status {status}": Answer(("content-type", "text/plain"), status=status) for status in ("407", "421", "511")},
    "page over HTTP/1": b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\n\r\n[]",
    "alert of TLS": b"\x15\x03\x03\x00\x02\x02\x46",
    "frame of 16 MB": b"\xff\xff\xff\x00\x00\x00\x00\x00\x01",
    "message of 4 GB": Answer(*_GRPC, data=message(b"x", length=2**32 - 1), end=_DONE),
    "unknown encoding": Answer(*_GRPC, ("grpc-encoding", "br"), data=message(b"\x0a", compressed=True), end=_DONE),
    "no gzip": Answer(*_GRPC, ("grpc-encoding", "gzip"), data=message(b"no", compressed=True), end=_DONE),
    "end without a status": Answer(*_GRPC, data=message(b""), end={"x": "y"}),
    "end that is a word": Answer(*_GRPC, data=message(b""), end={"grpc-status": "fine"}),
    "end before a message": Answer(*_GRPC, end={"grpc-status": "14", "grpc-message": "%0A%1b[31m%zz"}),
    "settings that contradict": Answer(instead=frame(Frame.SETTINGS, 0, b"\x00\x05\x00\x00\x00\x01")),
    "settings that are no settings": Answer(instead=frame(Frame.SETTINGS, 0, b"\x00")),
    "data before headers": Answer(instead=frame(Frame.DATA, 0, message(b"")).replace(b"\0\0\0\0", b"STRM", 1)),
    **{f"reset {code}": _reset(code) for code in (3, 5, 13, 2**31)},
    "go away": Answer(instead=frame(Frame.GOAWAY, 0, (0).to_bytes(4) + (11).to_bytes(4) + b"enough")),
}
"""Answers that etcd never sends: raw bytes in place of HTTP/2, or an answer to each request."""


class Http2Proxy(FakeServer):
    """Proxy to a real server that replaces its answers on request."""

    def __init__(self, server: str) -> None:
        super().__init__()
        self._host, _, port = server.rpartition(":")
        self._port = int(port)
        self._replacement: Answer | bytes | None = None

    def answer(self, replacement: Answer | bytes) -> None:
        """Send this answer to every request, on new connections."""
        self._replacement = replacement
        self.cut()

    def heal(self) -> None:
        """Forward everything again, on new connections."""
        self._replacement = None
        self.cut()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer all requests of a connection, or forward it."""
        match self._replacement:
            case None:
                await self._forward(reader, writer)
            case bytes() as raw:
                writer.write(raw)
                await writer.drain()
            case Answer() as answer:
                await _talk(reader, writer, answer)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        downstream, upstream = await asyncio.open_connection(self._host, self._port)
        forwarding = asyncio.create_task(_copy(reader, upstream))
        try:
            await _copy(downstream, writer)
        finally:
            forwarding.cancel()
            upstream.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


async def _talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer) -> None:
    """Send the same answer to each request, as an HTTP/2 server."""
    writer.write(frame(Frame.SETTINGS, 0))
    await reader.readexactly(_PREFACE_BYTES)
    while True:
        head = await reader.readexactly(_HEAD_BYTES)
        payload = await reader.readexactly(int.from_bytes(head[:3]))
        stream = int.from_bytes(head[5:])
        match head[3]:
            case Frame.SETTINGS if not head[4] & _ACK:
                writer.write(frame(Frame.SETTINGS, 0, flags=_ACK))
            case Frame.PING if not head[4] & _ACK:
                writer.write(frame(Frame.PING, 0, payload, _ACK))
            case Frame.HEADERS:
                writer.write(answer.encode(stream))
            case _:
                pass
        await writer.drain()
