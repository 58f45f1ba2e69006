"""HTTP answers that no store sends, and a fake proxy that sends them, as no real server does on request."""

import asyncio
import re
from gzip import compress
from typing import Final

from tests.drivers.fake_server import FakeServer

_INDEXES: Final = ("X-Consul-Index: 5", "X-Etcd-Index: 5", "X-Etcd-Cluster-Id: cdf818194e3a8c32")
_JSON: Final = "Content-Type: application/json"
_HTML: Final = "Content-Type: text/html; charset=utf-8"


def response(status: str, body: bytes = b"", *headers: str, length: int | None = None) -> bytes:
    """Return a response as it is sent."""
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers, "", "")
    return "\r\n".join(lines).encode() + body


def with_indexes(body: bytes) -> bytes:
    """Return a response that looks like a store's but for its body."""
    return response("200 OK", body, _JSON, *_INDEXES)


_CHUNKED: Final = "\r\n".join(("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", _JSON, *_INDEXES, "", ""))

FOREIGN_ANSWERS: Final = {
    "404 text": response("404 Not Found", b"404 page not found\n", "Content-Type: text/plain"),
    "404 page": response("404 Not Found", b"<html>", _HTML),
    "200 page": response("200 OK", b"<!doctype html><h1>Welcome</h1>", _HTML),
    "200 text": response("200 OK", b"it works", "Content-Type: text/plain"),
    "200 and nothing": response("200 OK"),
    "200 page with indexes": response("200 OK", b"<html>", _HTML, *_INDEXES),
    "403 page": response("403 Forbidden", b"<html>", _HTML),
    "403 text": response("403 Forbidden", b"RBAC: access denied", "Content-Type: text/plain"),
    "500 page": response("500 Internal Server Error", b"<html>", _HTML),
    "502 text": response("502 Bad Gateway", b"no backend"),
    "503 and nothing": response("503 Service Unavailable"),
    "302 elsewhere": response("302 Found", b"", "Location: http://login.invalid/\x1b]0;x"),
    "301 elsewhere": response("301 Moved Permanently", b"", "Location: /ui/"),
    "307 nowhere": response("307 Temporary Redirect"),
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "206": response("206 Partial Content", b"[]", _JSON, *_INDEXES),
    "418": response("418 Teapot", b"short and stout"),
    "100 and no more": b"HTTP/1.1 100 Continue\r\n\r\n",
    "103 and no more": b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n",
    "101": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    "index is a word": response("200 OK", b"[]", _JSON, "X-Consul-Index: abc", "X-Etcd-Index: abc"),
    "index is negative": response("200 OK", b"[]", _JSON, "X-Consul-Index: -1", "X-Etcd-Index: -1"),
    "index is endless": response(
        "200 OK", b"[]", _JSON, f"X-Consul-Index: {'9' * 5000}", f"X-Etcd-Index: {'9' * 5000}"
    ),
    "body breaks off": response("200 OK", b'[{"Key"', _JSON, *_INDEXES, length=100),
    "no gzip": response("200 OK", b"[]", "Content-Encoding: gzip", *_INDEXES),
    "no deflate": response("200 OK", b"[]", "Content-Encoding: deflate", *_INDEXES),
    "no brotli": response("200 OK", b"[]", "Content-Encoding: br", *_INDEXES),
    "no zstd": response("200 OK", b"[]", "Content-Encoding: zstd", *_INDEXES),
    "no chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nfoo\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n[]\n",
    "length is a word": b"HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\n[]",
    "status is a word": b"HTTP/1.1 okay\r\n\r\n",
    "header without end": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20_000,
    "header is binary": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-\x00\xff: \x80\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "nothing": b"",
    "not JSON": with_indexes(b"{'a'"),
    "not UTF-8": with_indexes(b'["\xff\xfe"]'),
    "nested deeply": with_indexes(b"[" * 200_000),
    "number is endless": with_indexes(b'[{"Key": 1' + b"0" * 5000 + b"}]"),
    "JSON text": with_indexes(b'"x"'),
    "JSON number": with_indexes(b"5"),
    "list of numbers": with_indexes(b"[5]"),
    "nothing with indexes": with_indexes(b""),
    "zeros": with_indexes(b"\0" * 100),
    "two documents": with_indexes(b"[][]"),
    "JSON and more": with_indexes(b"[]<script>"),
    "gzip breaks off": response(
        "200 OK", compress(b"[" + b" " * 5000 + b"]")[:-12], "Content-Encoding: gzip", *_INDEXES
    ),
    "chunks break off": f"{_CHUNKED}10\r\n[{{".encode(),
    "no last chunk": f"{_CHUNKED}4\r\n[{{}}".encode() + b"\r\n",
    "length and chunks": f"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n{_CHUNKED[17:]}2\r\n[]\r\n0\r\n\r\n".encode(),
    "length is negative": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n[]",
    "header of 100 KB": response("200 OK", b"[]", _JSON, f"X: {'x' * 100_000}", *_INDEXES),
    "header name of 100 KB": response("200 OK", b"[]", _JSON, f"{'X' * 100_000}: x", *_INDEXES),
    "HTTP of 1991": b"[]",
    "HTTP/9.9": b"HTTP/9.9 200 OK\r\n\r\n[]",
    "no HTTP but like it": b"ICY 200 OK\r\n\r\n[]",
    "alert of TLS": b"\x15\x03\x03\x00\x02\x02\x46",
    "304": response("304 Not Modified", b"", *_INDEXES),
    "400 of an HTTPS port": response("400 Bad Request", b"Client sent an HTTP request to an HTTPS server.\n"),
    "407 of a proxy": response("407 Proxy Authentication Required", b"who?", "Proxy-Authenticate: Basic realm=x"),
    "429 later": response("429 Too Many Requests", b"slow down", "Retry-After: 120", "Content-Type: text/plain"),
    "503 later": response("503 Service Unavailable", b"busy", "Retry-After: Fri, 31 Dec 1999 23:59:59 GMT"),
    "102 again and again": b"HTTP/1.1 102 Processing\r\n\r\n" * 1000,
    "102 and then a page": b"HTTP/1.1 102 Processing\r\n\r\n" + response("200 OK", b"<html>", _HTML),
}
"""Answers that no store sends to any request; each is NotReachable."""

TOO_LARGE_ANSWERS: Final = {
    "413 text": response("413 Request Entity Too Large", b"Request body too large", "Content-Type: text/plain"),
    "413 page": response("413 Request Entity Too Large", b"<html>", _HTML),
}
"""Answers that refuse a request by its size; they are valid for writes only."""

JSON_SHAPES: Final = {
    text: with_indexes(text.encode())
    for text in (
        "{}",
        "[]",
        "null",
        "[null]",
        "[{}]",
        "[[]]",
        "NaN",
        '["\\ud800"]',
        '["elsewhere/a"]',
        '[{"Key": 5}]',
        '[{"Key": "a", "Value": "***", "Flags": 0, "CreateIndex": 1, "ModifyIndex": 1, "LockIndex": 0}]',
        '[{"Key": "a", "Value": null, "Flags": "x", "CreateIndex": 1, "ModifyIndex": 1.5, "LockIndex": true}]',
        '{"Results": 5}',
        '{"Results": [5]}',
        '{"Results": [{"KV": null}]}',
        '{"Results": null, "Errors": null}',
        '{"Results": [], "Errors": [{}]}',
        '{"Errors": [{"OpIndex": "0", "What": 7}]}',
        '{"ID": 5}',
        '[{"ID": "x", "TTL": "1.2.3s", "LockDelay": "no"}]',
        '{"Config": 5, "Stats": []}',
        '{"action": "get"}',
        '{"action": 5, "node": {"key": "/a"}}',
        '{"action": "get", "node": 5}',
        '{"action": "get", "node": {"key": 5}}',
        '{"action": "get", "node": {"key": "/elsewhere", "value": "x", "modifiedIndex": 1, "createdIndex": 1}}',
        '{"action": "get", "node": {"key": "/a", "dir": true, "nodes": 5}}',
        '{"action": "get", "node": {"key": "/a", "value": {}, "ttl": "x", "modifiedIndex": []}}',
        '{"errorCode": "100"}',
        '{"errorCode": [100], "index": {}}',
        '{"errorCode": 100}',
        '{"errorCode": 401}',
        '{"errorCode": 999, "message": {}}',
    )
}
"""JSON bodies that may be valid for one call and have the wrong shape for all others."""

ODD_ANSWERS: Final = {
    "mark of byte order": with_indexes(b"\xef\xbb\xbf[]"),
    "UTF-16": with_indexes("[]".encode("utf-16")),
    "another content type": response("200 OK", b"[]", "Content-Type: image/png", *_INDEXES),
    "gzip": response("200 OK", compress(b"[]"), "Content-Encoding: gzip", *_INDEXES),
    "HTTP/1.0": "\r\n".join(("HTTP/1.0 200 OK", _JSON, *_INDEXES, "", "[]")).encode(),
    "early hints": b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + with_indexes(b"[]"),
    "index twice": response("200 OK", b"[]", _JSON, *_INDEXES, "X-Consul-Index: 9", "X-Etcd-Index: 9"),
    **{
        f"index {index}": response("200 OK", b"[]", _JSON, f"X-Consul-Index: {index}", f"X-Etcd-Index: {index}")
        for index in (0, 1, 2**63, 2**64, 10**30)
    },
    "400 text": response("400 Bad Request", b"Bad request", "Content-Type: text/plain"),
    "401 text": response("401 Unauthorized", b"who?", "WWW-Authenticate: Basic realm=x"),
}
"""Unusual answers that a store, or a proxy before it, may send."""


class AnsweringProxy(FakeServer):
    """Proxy to a real server that replaces its answers once a number of requests were forwarded."""

    def __init__(self, server: str, *, base: str = "") -> None:
        super().__init__()
        self.heads: list[bytes] = []
        """Request lines and headers of all requests."""
        self._base = base.encode()
        self._host, _, port = server.rpartition(":")
        self._port = int(port)
        self._replacement: bytes | None = None
        self._requests_to_forward = 0

    def answer(self, replacement: bytes, *, after: int = 0) -> None:
        """Send this answer to every request after the next `after` ones."""
        self._replacement, self._requests_to_forward = replacement, after
        self.cut()

    def heal(self) -> None:
        """Forward everything again."""
        self._replacement = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        head = head.replace(b" " + self._base, b" ", 1)
        length = re.search(rb"(?i)content-length: (\d+)", head)
        body = await reader.readexactly(int(length[1]) if length else 0)
        if self._replacement is not None and self._requests_to_forward <= 0:
            writer.write(self._replacement)
        else:
            self._requests_to_forward -= 1
            await self._forward(head.replace(b"\r\n", b"\r\nConnection: close\r\n", 1) + body, writer)
        await writer.drain()

    async def _forward(self, request: bytes, writer: asyncio.StreamWriter) -> None:
        reader, upstream = await asyncio.open_connection(self._host, self._port)
        try:
            upstream.write(request)
            while data := await reader.read(65536):
                writer.write(data)
        finally:
            upstream.close()
