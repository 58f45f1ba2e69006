"""The HTTP client against fake servers that misbehave on purpose, as no real one does on request."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from explorer.drivers.common.endpoints import Endpoints
from explorer.drivers.common.http import Request, Response
from explorer.drivers.common.retry import connect_with_retry
from explorer.model.address import Host
from explorer.model.errors import NotReachable, Timeout
from tests.drivers.fake_server import FakeServer
from tests.drivers.silent_hosts import silent_host
from tests.servers.processes import HOST, free_port


@asynccontextmanager
async def scripted_server(*answers: bytes | None) -> AsyncGenerator[tuple[Host, list[bytes]], None]:
    """Serve the answers in order, one per request; None, and the end of the answers, closes the connection."""
    script = iter(answers)
    requests: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            requests.append(head)
            answer = next(script, None)
            if answer is None:
                break
            writer.write(answer)

    async with FakeServer(serve) as server:
        yield Host(HOST, server.port), requests


def answer(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def headers_of(found: Response) -> Mapping[str, str]:
    if found.status != 200:
        raise ValueError(found.status)
    return found.headers


def raise_for_answer(found: Response) -> None:
    if found.status >= 500:
        raise NotReachable("the agent failed")


@asynccontextmanager
async def endpoints(*hosts: Host) -> AsyncGenerator[Endpoints, None]:
    created = Endpoints(
        hosts, raise_for_answer=raise_for_answer, redacted="store://", timeout=5.0, headers={"X-Token": "t"}
    )
    try:
        yield created
    finally:
        await created.close()


async def test_redirect_is_not_followed() -> None:
    """A redirect is not followed."""
    async with (
        scripted_server(answer("301 Moved", b"", "Location: /elsewhere")) as (host, requests),
        endpoints(host) as client,
    ):
        with pytest.raises(NotReachable, match="redirects to /elsewhere") as raised:
            await client.send(Request("PUT", "/a//b", b"value"), repeat=False)
        assert not raised.value.sent, "the request had no effect"
        assert len(requests) == 1
        assert requests[0].startswith(b"PUT /a//b HTTP/1.1\r\n")
        assert b"X-Token: t\r\n" in requests[0]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_request_with_a_lost_answer_is_not_repeated_by_aiohttp(method: str) -> None:
    """The client library does not repeat a request whose answer was lost."""
    async with (
        scripted_server(answer("200 OK", b"x"), None, answer("200 OK")) as (host, requests),
        endpoints(host) as client,
    ):
        await client.send(Request("GET", "/first"))
        with pytest.raises(NotReachable) as raised:  # on the connection that is open already
            await client.send(Request(method, "/second"), repeat=False)
        assert raised.value.sent
        assert len(requests) == 2


async def test_read_with_a_lost_answer_is_sent_again() -> None:
    """A read is repeated until it has an answer."""
    async with (
        scripted_server(None, answer("503 No"), answer("200 OK", b"x")) as (host, requests),
        endpoints(host) as client,
    ):
        assert (await client.send(Request("GET", "/"))).body == b"x"
        assert len(requests) == 3


async def test_failed_endpoint_is_left_for_the_next() -> None:
    """The next endpoint is used, and kept, when one fails."""
    good = [answer("200 OK", b"x")] * 3
    async with scripted_server(*good) as (host, requests), scripted_server(None, *good) as (bad, refused):
        async with endpoints(Host(HOST, free_port()), bad, host) as client:
            for _ in range(3):
                assert (await client.send(Request("GET", "/"))).body == b"x"
        assert (len(requests), len(refused)) == (3, 1)


async def test_refused_connection_raises_not_sent() -> None:
    """A request that was not sent is distinct from one whose answer was lost."""
    async with endpoints(Host(HOST, free_port())) as client:
        with pytest.raises(NotReachable) as raised:
            await client.send(Request("PUT", "/"), repeat=False)
        assert not raised.value.sent
        assert type(raised.value) is NotReachable, "no class of the driver's own"
        assert raised.value.hint


@pytest.mark.parametrize("name", ["a" * 70, "a..b", "no-such-host.invalid"])
async def test_impossible_host_name_is_not_reachable(name: str) -> None:
    """An invalid host name is reported like an unknown one."""
    async with endpoints(Host(name, 1)) as client:
        with pytest.raises(NotReachable, match="host name") as raised:
            await client.send(Request("GET", "/"), repeat=False)
        assert not raised.value.sent


@pytest.mark.heavy
async def test_silent_endpoint_leaves_time_to_the_next() -> None:
    """One silent endpoint does not use up the time."""
    async with (
        scripted_server(answer("200 OK", b"x")) as (host, _),
        silent_host() as silent,
        endpoints(silent, host) as client,
    ):
        assert (await client.send(Request("GET", "/"), within=3.0)).body == b"x"
        with pytest.raises(Timeout):
            await client.send(Request("GET", "/"), within=1.0, at=client.hosts[0])


async def test_short_timeout_is_shared_by_all_endpoints() -> None:
    """A silent endpoint leaves time to the next one however short the time is."""
    for _ in range(5):  # on a busy machine even an endpoint that works may need longer
        async with (
            scripted_server(answer("200 OK", b"x")) as (host, _),
            silent_host() as silent,
            endpoints(silent, host) as client,
        ):
            with suppress(NotReachable):
                assert (await client.send(Request("GET", "/"), within=0.5)).body == b"x"
                return
    pytest.fail("the silent endpoint used up the time")


async def test_connect_tries_the_next_endpoint_without_pause() -> None:
    """A first contact pauses only before it tries the same endpoint again."""
    left_for: list[float] = []

    async def attempt(left: float) -> None:
        left_for.append(left)
        raise NotReachable("cannot connect", sent=False)

    with pytest.raises(NotReachable):
        await connect_with_retry(attempt, 50, within=5.0)
    assert len(left_for) == 100


@pytest.mark.parametrize(
    ("outcomes", "reason"),
    [
        ("timeout timeout ok", None),
        ("reset reset reset timeout timeout timeout", "reset"),
        ("reset reset reset reset reset closed", "closed"),
        ("timeout timeout timeout timeout timeout timeout", "timeout"),
    ],
)
async def test_connect_reports_what_ended_an_earlier_try(outcomes: str, reason: str | None) -> None:
    """The second try of each of three endpoints has little time left, so that its time limit says nothing."""
    left = outcomes.split()

    async def attempt(_left: float) -> None:
        if (outcome := left.pop(0)) != "ok":
            raise (Timeout if outcome == "timeout" else NotReachable)(outcome, sent=False)

    if reason is None:
        await connect_with_retry(attempt, 3, within=60.0)
    else:
        with pytest.raises(NotReachable, match=reason):
            await connect_with_retry(attempt, 3, within=60.0)
    assert not left


async def test_server_without_tls_is_named_in_the_error() -> None:
    """A server that speaks no TLS closes the connection in the handshake; the error says so."""

    async def close(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read(1)

    async with FakeServer(close) as server:
        host = Host(HOST, server.port)
        context = ssl.create_default_context()
        client = Endpoints([host], raise_for_answer=raise_for_answer, redacted="store://", timeout=1.0, tls=context)
        with pytest.raises(NotReachable, match="during the TLS handshake") as raised:
            await client.send(Request("GET", "/"), repeat=False)
        await client.close()
    assert not raised.value.sent


@pytest.mark.heavy
@pytest.mark.parametrize(
    "answer_bytes", [b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"]
)
async def test_broken_answer_is_not_reachable(answer_bytes: bytes) -> None:
    """Bytes that are no complete HTTP answer raise NotReachable."""
    async with scripted_server(answer_bytes) as (host, _), endpoints(host) as client:
        with pytest.raises(NotReachable):
            await client.send(Request("GET", "/"), repeat=False, within=2.0)


async def test_proxy_and_netrc_are_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No proxy and no netrc is used."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://{HOST}:{free_port()}")
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {HOST} login me password canary\n")
    monkeypatch.setenv("NETRC", str(netrc))
    async with scripted_server(answer("200 OK", b"x")) as (host, requests), endpoints(host) as client:
        assert (await client.send(Request("GET", "/"))).body == b"x"
        assert b"uthorization" not in requests[0]


async def test_cookie_is_not_kept() -> None:
    """A cookie is not kept."""
    first, second = answer("200 OK", b"", "Set-Cookie: a=b"), answer("200 OK")
    async with scripted_server(first, second) as (host, requests), endpoints(host) as client:
        for _ in range(2):
            await client.send(Request("GET", "/"))
        assert b"ookie" not in requests[1]


# Streams


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


HEAD = b"HTTP/1.1 200 OK\r\nX-Index: 7\r\nTransfer-Encoding: chunked\r\n\r\n"


async def test_stream_yields_whole_lines() -> None:
    """A line is yielded whole, whatever chunks it arrives in."""
    long = b"x" * 300_000
    body = b"".join(map(chunk, (b"one\ntw", b"o\n\nthree\n" + long, b"\nlost")))
    async with (
        scripted_server(HEAD + body + b"0\r\n\r\n") as (host, _),
        endpoints(host) as client,
        client.stream(Request("GET", "/"), headers_of, bytes) as (headers, lines),
    ):
        assert headers["x-index"] == "7"
        assert [line async for line in lines] == [b"one", b"two", b"", b"three", long], (
            "a line without an end is dropped"
        )


@pytest.mark.parametrize("closed_by_client", [False, True])
async def test_stream_that_breaks_off_raises_after_its_lines(*, closed_by_client: bool) -> None:
    """The complete lines are yielded before the error."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD + chunk(b"one\n") + b"5\r\ntw")
        await writer.drain()
        if closed_by_client:
            await reader.read()

    received: list[bytes] = []

    async def listen(client: Endpoints) -> None:
        async with client.stream(Request("GET", "/"), headers_of, bytes) as (_, lines):
            async for line in lines:
                received.append(line)
                if closed_by_client:
                    await client.close()

    async with FakeServer(serve) as server, endpoints(Host(HOST, server.port)) as client:
        with pytest.raises(NotReachable):
            await listen(client)
    assert received == [b"one"]


@pytest.mark.heavy
async def test_stream_waits_for_lines_but_not_for_headers() -> None:
    """A stream may be silent after its headers; headers must arrive within the timeout."""
    async with scripted_server(HEAD, b"") as (host, _), endpoints(host) as client:
        client.timeout = 1.0
        async with client.stream(Request("GET", "/"), headers_of, bytes) as (_, lines):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(lines), 1.5)
        with pytest.raises(Timeout):
            async with client.stream(Request("GET", "/"), headers_of, bytes):
                pass


@pytest.mark.parametrize("status", ["503 Unavailable", "404 Not Found", "307 Temporary Redirect"])
async def test_stream_with_an_error_status_raises(status: str) -> None:
    """A stream is read only from a successful answer."""
    async with scripted_server(answer(status, b"{}")) as (host, _), endpoints(host) as client:
        with pytest.raises(NotReachable):
            async with client.stream(Request("GET", "/"), headers_of, bytes):
                pass
