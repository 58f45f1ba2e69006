"""What etcd refuses and where it cannot be reached, on real servers.

The same trouble is an error of the API and one line of the command, which is told everything by etcdctl's variables.
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
    CANARY,
    READER,
    RESOLVED,
    SOON,
    WRONG,
    assert_one_line,
    assert_told,
    command,
    variables,
    writing,
)
from tests.servers.etcd import VERSIONS, EtcdServer, Grant
from tests.servers.fixtures import own_etcd, prefix
from tests.servers.proxy import FaultProxy
from tests.servers.waiting import eventually

__all__ = ["own_etcd", "prefix"]

pytestmark = pytest.mark.servers

ONE_VERSION = pytest.mark.parametrize("etcd_version", ["3.5"])
"""For what is the client's alone and takes its time."""


# Who asks


@pytest.fixture(scope="module", params=VERSIONS)
def guarded(request: pytest.FixtureRequest) -> Iterator[EtcdServer]:
    """A server with users; root's password, too, is the canary."""
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
        WRONG,
        Access(user="nobody", password=Secret(CANARY)),
    ],
    ids=["nobody", "no password", "wrong password", "unknown user"],
)
async def test_whoever_is_not_known_is_not_let_in(guarded: EtcdServer, access: Access) -> None:
    await assert_told(
        f"etcd://{guarded.address}/",
        Unauthenticated,
        6,
        access=access,
        hint="password",
        by_command=guarded.version == VERSIONS[-1],
    )


async def test_a_user_of_one_prefix_may_do_there_what_the_role_says(guarded: EtcdServer) -> None:
    async with EtcdStore(parse(f"etcd://{guarded.address}/"), READER) as store:
        assert (await store.get("/mine/a")).value == b"v"
        assert [child.name for child in (await store.children("/mine")).items] == ["a", "b"]
        assert [entry.key for entry in (await store.list("/mine")).items] == ["/mine/a", "/mine/b/c"]
        async with aclosing(store.walk("/mine")) as entries:
            assert [entry.key async for entry in entries] == ["/mine/a", "/mine/b/c"]
        for watch in (store.watch("/mine/a"), store.watch_tree("/mine")):
            async with watch as events:
                assert isinstance(await anext(events), Started)
                await asyncio.to_thread(guarded.ctl, "put", "/mine/a", "v")
                assert isinstance(await anext(events), Put)
        assert await store.locks("/mine") == ()
        assert (await store.status()).version


async def test_a_user_of_one_prefix_is_refused_elsewhere_each_time(guarded: EtcdServer) -> None:
    async with EtcdStore(parse(f"etcd://{guarded.address}/"), READER) as store:
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
            async with asyncio.timeout(SOON):
                with pytest.raises(Forbidden) as raised:
                    await call()
            assert raised.value.key is not None, number
            assert "role" in error_line(raised.value), number
        assert (await store.get("/mine/a")).value == b"v"


@pytest.mark.parametrize("guarded", ["3.5"], indirect=True)
async def test_the_command_says_what_a_user_may_not_do(guarded: EtcdServer) -> None:
    url = f"etcd://{guarded.address}/"
    assert (await command("get", url, "/mine/a")).output == b"v\n"
    for words in (
        ("get", url, "/other/a"),
        ("ls", url),
        ("watch", url, "", "--duration", "5"),
        ("put", url, "/mine/a", "--value", "x", "--force"),
        ("rm", url, "/mine", "--recursive", "--yes"),
        ("lock", url, "/mine/a", "--", "true"),
    ):
        assert_one_line(await command(*words), 6, "role")


async def test_a_user_of_one_prefix_may_lock_there(guarded: EtcdServer) -> None:
    writer = Access(user="writer", password=Secret(CANARY))
    async with EtcdStore(parse(f"etcd://{guarded.address}//mine/"), writer) as store, store.lock("job") as lock:
        (info,) = await store.locks()
        assert (info.key, info.holder.fence if info.holder else None) == ("job", lock.fence)
        assert (await lock.put("job", b"v")).value == b"v"


async def put_events(events: Watch, count: int) -> AsyncGenerator[Put, None]:
    """Give the next puts of a watch; that it was lost and restored is no matter here."""
    while count:
        if isinstance(event := await anext(events), Put):
            count -= 1
            yield event


async def test_a_lapsed_token_is_renewed_once_and_nobody_notices(etcd_version: str) -> None:
    """The server's own log counts the tokens: one more for each lapse, however many calls had the lapsed one."""
    with EtcdServer(etcd_version, token_ttl=3, arguments=("--log-level", "debug")) as server:
        server.enable_auth(CANARY)

        def said(words: str) -> int:
            return (server.folder / "output.log").read_text(errors="replace").count(words)

        def lapses_beyond(before: int) -> bool:
            return said("deleted a simple token") > before

        root = Access(user="root", password=Secret(CANARY))
        async with (
            FaultProxy(server.client_port) as proxy,
            EtcdStore(parse(f"etcd://{proxy.address}/"), root) as store,
            store.watch_tree("") as events,
        ):
            assert isinstance(await anext(events), Started)
            for expiry in range(2):
                lapsed = said("deleted a simple token")
                await eventually(partial(lapses_beyond, lapsed), "it lapses", 30)
                tokens = said("authenticated a user")
                proxy.reset_connections()  # the watch, too, has to come back
                key = f"k{expiry}"
                await asyncio.gather(store.put(key, b"v"), *(store.exists("k") for _ in range(50)))
                assert said("authenticated a user") - tokens == 1
                async with asyncio.timeout(SOON):
                    assert [event.entry.key async for event in put_events(events, 1)] == [key]


# Who does not answer


@ONE_VERSION
async def test_a_server_that_is_down_is_told_at_once(own_etcd: EtcdServer) -> None:
    own_etcd.stop()
    await assert_told(f"etcd://{own_etcd.address}/", NotReachable, 5, hint="running")


@ONE_VERSION
async def test_a_server_that_stands_still_is_told_within_the_time_limit(own_etcd: EtcdServer) -> None:
    async with EtcdStore(parse(f"etcd://{own_etcd.address}/?timeout=1"), Access()) as store:
        await asyncio.to_thread(own_etcd.pause)
        async with asyncio.timeout(SOON):
            with pytest.raises(NotReachable):
                await store.get("k")
            with pytest.raises(NotReachable):
                await store.status()
        await assert_told(f"etcd://{own_etcd.address}/", NotReachable, 5, access=Access())


async def test_a_host_that_nobody_knows_is_told_as_such() -> None:
    await assert_told("etcd://nowhere.invalid:2379/", NotReachable, 5, hint="not known", soon=RESOLVED)


@pytest.mark.parametrize("trouble", ["dead", "stopped", "unknown"])
async def test_the_second_endpoint_answers_for_the_first(own_etcd: EtcdServer, trouble: str) -> None:
    with EtcdServer(own_etcd.version) as first:
        own_etcd.ctl("put", "k", "v")
        name = "nowhere.invalid" if trouble == "unknown" else first.address
        if trouble == "dead":
            first.kill()
        elif trouble == "stopped":
            first.pause()
        url = f"etcd://{name},{own_etcd.address}/"
        soon = RESOLVED if trouble == "unknown" else SOON
        async with asyncio.timeout(soon), EtcdStore(parse(url), Access()) as store:
            assert (await store.get("k")).value == b"v"
            assert any(name in complaint for complaint in (await store.status()).complaints)
        told = await command("get", "etcd:", "k", access=Access(), ETCDCTL_ENDPOINTS=f"http://{name},{own_etcd.url}")
        assert (told.code, told.output) == (0, b"v\n"), told.error


async def test_an_open_store_moves_on_when_its_endpoint_stands_still(own_etcd: EtcdServer) -> None:
    own_etcd.ctl("put", "k", "v")
    async with FaultProxy(own_etcd.client_port) as proxy:
        url = f"etcd://{proxy.address},{own_etcd.address}/?timeout=4"
        async with EtcdStore(parse(url), Access()) as store:
            proxy.hang()
            assert (await store.get("k")).value == b"v"
            assert (await store.put("k", b"w")).value == b"w"


# What is too much


async def test_a_full_store_is_read_and_emptied_but_not_written(etcd_version: str) -> None:
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
            assert_one_line(await command("put", f"etcd://{server.address}/", "n", "--value", "x" * 9_999), 1, "quota")
            assert b"NOSPACE" in (await command("doctor", f"etcd://{server.address}/", access=Access())).output
            await store.delete_tree("/full")
            assert not await store.exists("/full/0")


async def test_a_value_that_is_too_large_is_not_written(shared_etcd: EtcdServer) -> None:
    url = f"etcd://{shared_etcd.address}/too-large/"
    async with EtcdStore(parse(url), Access()) as store:
        for size in (1_600_000, 20_000_000):  # beyond etcd's limit, and beyond that of its transport
            for call in (store.put("k", b"x" * size), store.atomic_put("k", b"x" * size, None)):
                with pytest.raises(TooLarge):
                    await call
        assert not await store.exists("k")
        await store.put("k", b"x" * 1_000_000)
        await store.delete("k")
    done = await asyncio.to_thread(run_process, "put", url, "k", given=b"x" * 1_600_000)
    assert_one_line(done, 1, "too large")


# What nobody can tell


@ONE_VERSION
async def test_a_save_whose_answer_is_lost_is_unknown_and_not_failed(shared_etcd: EtcdServer, prefix: str) -> None:
    shared_etcd.ctl("put", f"{prefix}k", "before")
    revision = int(shared_etcd.ctl_json("get", f"{prefix}k")["kvs"][0]["mod_revision"])
    async with FaultProxy(shared_etcd.client_port) as proxy:

        def type_in() -> Result:
            with writing(f"etcd://{proxy.address}/{prefix}", revision) as (process, terminal):
                loop.call_soon_threadsafe(proxy.drop_replies)
                os.write(terminal, b"typed\n\x04")
                assert process.stderr
                said = process.stderr.read().decode()
                return Result(process.wait(), b"", said)

        loop = asyncio.get_running_loop()
        assert_one_line(await asyncio.to_thread(type_in), 7, "read the key")
    assert shared_etcd.ctl("get", "--print-value-only", f"{prefix}k") == "typed\n\n"


@ONE_VERSION
async def test_an_unknown_outcome_is_an_error_of_the_api_too(
    shared_etcd: EtcdServer, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The command's runs take it in full.
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


async def test_a_secret_shows_nowhere(guarded: EtcdServer) -> None:
    """Not in what is printed, the command line of a process, any object's repr, nor a traceback."""
    urls = (f"etcd://reader:{CANARY}@{guarded.address}//mine/", f"etcd://{guarded.address}//mine/")
    for url in urls:
        for verb in (("get", url, "a"), ("doctor", url), ("get", url, "/nothing"), ("put", url, "a", "--value", "x")):
            told = await command(*verb, PYTHONDEVMODE="1", PYTHONASYNCIODEBUG="1")
            assert CANARY not in told.error + told.output.decode()
            assert "Traceback" not in told.error
    with Running("watch", urls[1], "", **variables(READER)) as running:
        await asyncio.to_thread(running.note)
        assert CANARY not in " ".join(psutil.Process(running.process.pid).cmdline())
    async with EtcdStore(parse(urls[0]), Access()) as store, store.watch_tree("") as events:
        await anext(events)
        ours = [found for found in gc.get_objects() if str(type(found).__module__).startswith("explorer.")]
        assert any(found is store for found in ours)
        assert not [type(found) for found in ours if CANARY in repr(found)]
    with pytest.raises(Unauthenticated) as raised:
        async with EtcdStore(parse(f"etcd://{guarded.address}/"), WRONG):
            pass
    assert CANARY not in "".join(traceback.format_exception(raised.value))


async def test_a_secret_is_in_no_local_that_a_verbose_traceback_shows(guarded: EtcdServer) -> None:
    with pytest.raises(Unauthenticated) as raised:
        async with EtcdStore(parse(f"etcd://{guarded.address}/"), WRONG):
            pass
    told = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
    ours = "".join(line for line in told.format() if "/tests/" not in line)
    assert CANARY not in ours
