"""Errors of real etcd servers: access, unreachable endpoints, limits, unknown outcomes and secrets.

Each is an error of the library and one line of the command, which gets everything from etcdctl's variables.
"""

import asyncio
import gc
import os
import traceback
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from functools import partial

import psutil
import pytest

from explorer.cli.exit_codes import error_line
from explorer.drivers.common.watch import Watch
from explorer.drivers.etcd import EtcdStore
from explorer.model.address import Access, Secret, parse
from explorer.model.errors import (
    Forbidden,
    NoSpace,
    NotReachable,
    OutcomeUnknown,
    TooLarge,
    Unauthenticated,
)
from explorer.model.events import Put, Started
from tests.cli.run_command import Result, Running, run_process
from tests.drivers.error_cases import (
    ANSWER_TIMEOUT,
    CANARY,
    READER_ACCESS,
    RESOLVER_TIMEOUT,
    WRONG_PASSWORD,
    assert_first_contact_fails,
    assert_one_line,
    etcdctl_variables,
    run_keyscope,
    typed_put,
)
from tests.servers.etcd import VERSIONS, EtcdServer, Grant
from tests.servers.fixtures import own_etcd, prefix
from tests.servers.proxy import FaultProxy
from tests.servers.waiting import eventually

__all__ = ["own_etcd", "prefix"]

pytestmark = pytest.mark.servers

ONE_VERSION = pytest.mark.parametrize("etcd_version", ["3.5"])
"""For slow tests of the client alone."""


# Access


@pytest.fixture(scope="module", params=VERSIONS)
def auth_server(request: pytest.FixtureRequest) -> Iterator[EtcdServer]:
    """A server with users; the canary is the password of all, root included."""
    with EtcdServer(request.param) as server:
        for key in ("/mine/a", "/mine/b/c", "/other/a"):
            server.ctl("put", key, "v")
        server.add_user("reader", CANARY, [Grant("read", "/mine/")])
        server.add_user("writer", CANARY, [Grant("readwrite", "/mine/")])
        server.enable_auth(CANARY)
        yield server


@pytest.mark.parametrize(
    "access",
    [
        Access(),
        Access(user="reader"),
        WRONG_PASSWORD,
        Access(user="nobody", password=Secret(CANARY)),
    ],
    ids=["nobody", "no password", "wrong password", "unknown user"],
)
async def test_connect_without_valid_user_is_refused(auth_server: EtcdServer, access: Access) -> None:
    """No user, an unknown one and a wrong password are Unauthenticated."""
    await assert_first_contact_fails(
        f"etcd://{auth_server.address}/",
        Unauthenticated,
        6,
        access=access,
        hint="password",
        with_command=auth_server.version == VERSIONS[-1],
    )


async def test_user_of_one_prefix_reads_and_watches_it(auth_server: EtcdServer) -> None:
    """A user whose role covers a prefix may read, list and watch it."""
    async with EtcdStore(parse(f"etcd://{auth_server.address}/"), READER_ACCESS) as store:
        assert (await store.get("/mine/a")).value == b"v"
        assert [child.name for child in (await store.children("/mine")).items] == ["a", "b"]
        assert [entry.key for entry in (await store.list("/mine")).items] == ["/mine/a", "/mine/b/c"]
        async with aclosing(store.walk("/mine")) as entries:
            assert [entry.key async for entry in entries] == ["/mine/a", "/mine/b/c"]
        for watch in (store.watch("/mine/a"), store.watch_tree("/mine")):
            async with watch as events:
                assert isinstance(await anext(events), Started)
                await asyncio.to_thread(auth_server.ctl, "put", "/mine/a", "v")
                assert isinstance(await anext(events), Put)
        assert await store.locks("/mine") == ()
        assert (await store.status()).version


async def test_user_of_one_prefix_is_refused_elsewhere(auth_server: EtcdServer) -> None:
    """Each call on other keys is Forbidden, with the key and a hint."""
    async with EtcdStore(parse(f"etcd://{auth_server.address}/"), READER_ACCESS) as store:
        refused: list[Callable[[], Awaitable[object]]] = [
            lambda: store.get("/other/a"),
            lambda: store.get("/other/a", consistent=False),
            lambda: store.exists("/other/a"),
            lambda: store.children(""),
            lambda: store.children("/other"),
            lambda: store.list(""),
            store.locks,
            lambda: store.put("/mine/a", b"x"),
            lambda: store.atomic_put("/mine/new", b"x", None),
            lambda: store.delete("/mine/a"),
            lambda: store.delete_tree("/mine"),
            lambda: store.lock("/mine/a").acquire(5),
            lambda: anext(store.walk("/other")),
            lambda: anext(store.history("/other/a")),
            lambda: store.watch("/other/a").__aenter__(),
            lambda: store.watch_tree("/other").__aenter__(),
            lambda: store.watch_tree("").__aenter__(),
        ]
        for number, call in enumerate(refused):
            async with asyncio.timeout(ANSWER_TIMEOUT):
                with pytest.raises(Forbidden) as raised:
                    await call()
            assert raised.value.key is not None, number
            assert "role" in error_line(raised.value), number
        assert (await store.get("/mine/a")).value == b"v"


@pytest.mark.parametrize("auth_server", ["3.5"], indirect=True)
async def test_command_reports_permission_denied(auth_server: EtcdServer) -> None:
    """Each verb reports a missing permission in one line."""
    url = f"etcd://{auth_server.address}/"
    assert (await run_keyscope("get", url, "/mine/a")).output == b"v\n"
    for words in (
        ("get", url, "/other/a"),
        ("ls", url),
        ("watch", url, "", "--duration", "5"),
        ("put", url, "/mine/a", "--value", "x", "--force"),
        ("rm", url, "/mine", "--recursive", "--yes"),
        ("lock", url, "/mine/a", "--", "true"),
    ):
        assert_one_line(await run_keyscope(*words), 6, "role")


async def test_user_of_one_prefix_locks_there(auth_server: EtcdServer) -> None:
    """A user whose role covers a prefix may lock there."""
    writer = Access(user="writer", password=Secret(CANARY))
    async with EtcdStore(parse(f"etcd://{auth_server.address}//mine/"), writer) as store, store.lock("job") as lock:
        (info,) = await store.locks()
        assert (info.key, info.holder.fence if info.holder else None) == ("job", lock.fence)
        assert (await lock.put("job", b"v")).value == b"v"


async def put_events(events: Watch, count: int) -> AsyncGenerator[Put, None]:
    """Yield the next puts of a watch; Lost and Restored are left out."""
    while count:
        if isinstance(event := await anext(events), Put):
            count -= 1
            yield event


async def test_expired_token_is_refreshed_once(etcd_version: str) -> None:
    """An expired token is replaced by one, however many calls used it; the server's log counts them."""
    with EtcdServer(etcd_version, token_ttl=3, arguments=("--log-level", "debug")) as server:
        server.enable_auth(CANARY)

        def count_logged(text: str) -> int:
            return (server.folder / "output.log").read_text(errors="replace").count(text)

        def has_expired_since(before: int) -> bool:
            return count_logged("deleted a simple token") > before

        root = Access(user="root", password=Secret(CANARY))
        async with (
            FaultProxy(server.client_port) as proxy,
            EtcdStore(parse(f"etcd://{proxy.address}/"), root) as store,
            store.watch_tree("") as events,
        ):
            assert isinstance(await anext(events), Started)
            for expiry in range(2):
                expired = count_logged("deleted a simple token")
                await eventually(partial(has_expired_since, expired), "the token expires", 30)
                tokens = count_logged("authenticated a user")
                proxy.reset_connections()  # the watch has to reconnect, too
                key = f"k{expiry}"
                await asyncio.gather(store.put(key, b"v"), *(store.exists("k") for _ in range(50)))
                assert count_logged("authenticated a user") - tokens == 1
                async with asyncio.timeout(ANSWER_TIMEOUT):
                    assert [event.entry.key async for event in put_events(events, 1)] == [key]


# Unreachable endpoints


@ONE_VERSION
async def test_stopped_server_is_reported_at_once(own_etcd: EtcdServer) -> None:
    """A server that is down is NotReachable at once."""
    own_etcd.stop()
    await assert_first_contact_fails(f"etcd://{own_etcd.address}/", NotReachable, 5, hint="running")


@ONE_VERSION
async def test_paused_server_is_reported_within_the_timeout(own_etcd: EtcdServer) -> None:
    """A server that does not answer is NotReachable within the timeout."""
    async with EtcdStore(parse(f"etcd://{own_etcd.address}/?timeout=1"), Access()) as store:
        await asyncio.to_thread(own_etcd.pause)
        async with asyncio.timeout(ANSWER_TIMEOUT):
            with pytest.raises(NotReachable):
                await store.get("k")
            with pytest.raises(NotReachable):
                await store.status()
        await assert_first_contact_fails(f"etcd://{own_etcd.address}/", NotReachable, 5, access=Access())


async def test_unknown_host_name_is_reported() -> None:
    """A host name that cannot be resolved is reported as such."""
    await assert_first_contact_fails(
        "etcd://nowhere.invalid:2379/", NotReachable, 5, hint="unknown host name", within=RESOLVER_TIMEOUT
    )


@pytest.mark.parametrize("fault", ["dead", "paused", "unknown"])
async def test_second_endpoint_is_used_if_the_first_fails(own_etcd: EtcdServer, fault: str) -> None:
    """A dead, paused or unknown endpoint is left for the next one."""
    with EtcdServer(own_etcd.version) as first:
        own_etcd.ctl("put", "k", "v")
        name = "nowhere.invalid" if fault == "unknown" else first.address
        if fault == "dead":
            first.kill()
        elif fault == "paused":
            first.pause()
        url = f"etcd://{name},{own_etcd.address}/"
        within = RESOLVER_TIMEOUT if fault == "unknown" else ANSWER_TIMEOUT
        async with asyncio.timeout(within), EtcdStore(parse(url), Access()) as store:
            assert (await store.get("k")).value == b"v"
            assert any(name in complaint for complaint in (await store.status()).complaints)
        result = await run_keyscope(
            "get", "etcd:", "k", access=Access(), ETCDCTL_ENDPOINTS=f"http://{name},{own_etcd.url}"
        )
        assert (result.code, result.output) == (0, b"v\n"), result.error


async def test_open_store_leaves_a_paused_endpoint(own_etcd: EtcdServer) -> None:
    """An open store moves on to the next endpoint."""
    own_etcd.ctl("put", "k", "v")
    async with FaultProxy(own_etcd.client_port) as proxy:
        url = f"etcd://{proxy.address},{own_etcd.address}/?timeout=4"
        async with EtcdStore(parse(url), Access()) as store:
            proxy.hang()
            assert (await store.get("k")).value == b"v"
            assert (await store.put("k", b"w")).value == b"w"


# Limits


async def test_full_store_is_read_and_emptied(etcd_version: str) -> None:
    """A store over its quota refuses writes, and can be read and emptied."""
    with EtcdServer(etcd_version, quota_bytes=2_000_000) as server:
        server.ctl("put", "k", "v")
        server.fill_up()
        async with EtcdStore(parse(f"etcd://{server.address}/"), Access()) as store:
            for call in (
                store.put("k", b"x" * 9_999),
                store.atomic_put("n", b"x" * 9_999, None),
                store.put("k", b"", ttl=9),
            ):
                with pytest.raises(NoSpace):
                    await call
            with pytest.raises(NoSpace):
                await store.lock("k").acquire(5)
            assert (await store.get("k")).value == b"v"
            assert any("NOSPACE" in complaint for complaint in (await store.status()).complaints)
            assert_one_line(
                await run_keyscope("put", f"etcd://{server.address}/", "n", "--value", "x" * 9_999), 1, "quota"
            )
            assert b"NOSPACE" in (await run_keyscope("doctor", f"etcd://{server.address}/", access=Access())).output
            await store.delete_tree("/full")
            assert not await store.exists("/full/0")


async def test_put_of_too_large_value_is_refused(shared_etcd: EtcdServer) -> None:
    """A value beyond etcd's or gRPC's limit is TooLarge, and not written."""
    url = f"etcd://{shared_etcd.address}/too-large/"
    async with EtcdStore(parse(url), Access()) as store:
        for size in (1_600_000, 20_000_000):  # beyond etcd's limit, and beyond gRPC's
            for call in (store.put("k", b"x" * size), store.atomic_put("k", b"x" * size, None)):
                with pytest.raises(TooLarge):
                    await call
        assert not await store.exists("k")
        await store.put("k", b"x" * 1_000_000)
        await store.delete("k")
    done = await asyncio.to_thread(run_process, "put", url, "k", stdin=b"x" * 1_600_000)
    assert_one_line(done, 1, "too large")


# Unknown outcomes


@ONE_VERSION
async def test_command_reports_an_unknown_outcome(shared_etcd: EtcdServer, prefix: str) -> None:
    """A save whose response is lost is reported as unknown, not as failed."""
    shared_etcd.ctl("put", f"{prefix}k", "before")
    revision = int(shared_etcd.ctl_json("get", f"{prefix}k")["kvs"][0]["mod_revision"])
    async with FaultProxy(shared_etcd.client_port) as proxy:

        def type_in() -> Result:
            with typed_put(f"etcd://{proxy.address}/{prefix}", revision) as (process, terminal):
                loop.call_soon_threadsafe(proxy.drop_replies)
                os.write(terminal, b"typed\n\x04")
                assert process.stderr
                output = process.stderr.read().decode()
                return Result(process.wait(), b"", output)

        loop = asyncio.get_running_loop()
        assert_one_line(await asyncio.to_thread(type_in), 7, "read the key")
    assert shared_etcd.ctl("get", "--print-value-only", f"{prefix}k") == "typed\n\n"


@ONE_VERSION
async def test_atomic_put_raises_outcome_unknown(
    shared_etcd: EtcdServer, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A save whose response is lost raises OutcomeUnknown."""
    # The command's tests use the full timeout.
    monkeypatch.setattr("explorer.drivers.common.write_attempt._RESOLVE_TIMEOUT", 2.0)
    async with (
        FaultProxy(shared_etcd.client_port) as proxy,
        EtcdStore(parse(f"etcd://{proxy.address}/{prefix}?timeout=1"), Access()) as store,
    ):
        first = await store.put("k", b"one")
        proxy.drop_replies()
        with pytest.raises(OutcomeUnknown):
            await store.atomic_put("k", b"two", first)
        proxy.heal()
        assert (await store.get("k")).value == b"two"


# Secrets


async def test_secret_is_in_no_output_repr_or_traceback(auth_server: EtcdServer) -> None:
    """No output, command line, repr or traceback has a password."""
    urls = (f"etcd://reader:{CANARY}@{auth_server.address}//mine/", f"etcd://{auth_server.address}//mine/")
    for url in urls:
        for arguments in (
            ("get", url, "a"),
            ("doctor", url),
            ("get", url, "/nothing"),
            ("put", url, "a", "--value", "x"),
        ):
            result = await run_keyscope(*arguments, PYTHONDEVMODE="1", PYTHONASYNCIODEBUG="1")
            assert CANARY not in result.error + result.output.decode()
            assert "Traceback" not in result.error
    with Running("watch", urls[1], "", **etcdctl_variables(READER_ACCESS)) as running:
        await asyncio.to_thread(running.note)
        assert CANARY not in " ".join(psutil.Process(running.process.pid).cmdline())
    async with EtcdStore(parse(urls[0]), Access()) as store, store.watch_tree("") as events:
        await anext(events)
        ours = [found for found in gc.get_objects() if str(type(found).__module__).startswith("explorer.")]
        assert any(found is store for found in ours)
        assert not [type(found) for found in ours if CANARY in repr(found)]
    with pytest.raises(Unauthenticated) as raised:
        async with EtcdStore(parse(f"etcd://{auth_server.address}/"), WRONG_PASSWORD):
            pass
    assert CANARY not in "".join(traceback.format_exception(raised.value))


async def test_secret_is_in_no_local_of_a_traceback(auth_server: EtcdServer) -> None:
    """A traceback that shows locals has no password."""
    with pytest.raises(Unauthenticated) as raised:
        async with EtcdStore(parse(f"etcd://{auth_server.address}/"), WRONG_PASSWORD):
            pass
    trace = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
    ours = "".join(line for line in trace.format() if "/tests/" not in line)
    assert CANARY not in ours
