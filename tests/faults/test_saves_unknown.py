"""A write whose answer was lost is told as what it was: never as failed when it happened, never done twice."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager

import grpc
import pytest

from explorer.drivers.etcd import EtcdStore, messages
from explorer.drivers.etcd.connection import EtcdConnection
from explorer.drivers.etcd.endpoint import TXN, WATCH, Method, Request, Response
from explorer.drivers.etcd.errors import translate
from explorer.drivers.etcd.settings import load
from explorer.model.address import Access, Host, parse
from explorer.model.entries import Entry
from explorer.model.errors import KeyExists, KeyModified, NotReachable, OutcomeUnknown
from explorer.model.events import Lost
from tests.faults.etcd_stub import PlainClient, delete, put
from tests.faults.history import Change
from tests.faults.recorder import record
from tests.faults.timeouts import limit_requests, warm_up_and_limit
from tests.faults.workload import ROOT
from tests.scale import PATIENCE, figure
from tests.servers.etcd import EtcdCluster, EtcdServer
from tests.servers.proxy import FaultProxy
from tests.servers.waiting import eventually

pytestmark = [pytest.mark.faults, pytest.mark.servers]

TIMES = {"3.4": figure(short=4, long=200), "3.5": figure(short=20, long=200)}
VERSIONS = ["3.4", "3.5"]
TIMEOUT = 0.3
"""Seconds until a request that did not arrive is in doubt."""
Event = Callable[[], Awaitable[None]]


class Desk:
    """A store behind a proxy, and what happens to it right before its next transactions are sent."""

    def __init__(self, server: EtcdServer, proxy: FaultProxy, plain: PlainClient, store: EtcdStore) -> None:
        self.server, self.proxy, self.plain, self.store = server, proxy, plain, store
        self.before: list[Event] = []
        """What happens before the first transaction, the second, and so on."""
        self._call = store.connection.call
        self._number = self._dropped = self._calls = 0

    async def call(
        self,
        method: Method[Request, Response],
        request: Request,
        *,
        within: float | None = None,
        repeat: bool = True,
        at: Host | None = None,
    ) -> Response:
        self._calls += 1
        if method.path == TXN.path and self.before:
            await self.before.pop(0)()
            self._calls = 0
        return await self._call(method, request, within=within, repeat=repeat, at=at)

    async def lose_reply(self) -> None:
        self.proxy.drop_replies()

    async def hold_request(self) -> None:
        self.proxy.hang()

    async def revision(self) -> int:
        return (await self.plain.read(ROOT))[0]

    async def write(self, *operations: messages.RequestOp) -> None:
        """Do what somebody else does, over a connection of his own."""
        await self.plain.commit(operations)

    async def committed(self, what: Coroutine[object, object, Entry | int | None]) -> Entry | int | None:
        """Start a write, lose the reply to it, and let the connection come back once it has been done."""
        self._number, self._dropped = await self.revision(), self.proxy.dropped
        self.before = [self.lose_reply]
        task = asyncio.create_task(what)
        await eventually(self._moved, "it is committed", PATIENCE)
        self.proxy.heal()
        return await task

    async def refused(self, what: Coroutine[object, object, Entry | int | None], *first: Event) -> Entry | int | None:
        """Start a write that the store will refuse, for what happens first, and lose the reply."""
        dropped = self.proxy.dropped

        async def lose() -> None:
            for event in (*first, self.lose_reply):
                await event()

        self.before = [lose]
        task = asyncio.create_task(what)
        await eventually(lambda: self.proxy.dropped > dropped, "the reply is lost", PATIENCE)
        self.proxy.heal()
        return await task

    async def cut(self, what: Coroutine[object, object, Entry | int | None], *later: Event) -> Entry | int | None:
        """Start a write whose request leaves and never arrives; `later` happens before it is sent again."""
        self.before = [self.hold_request, *later]
        task = asyncio.create_task(what)
        await eventually(lambda: len(self.before) == len(later) and self._calls > 0, "it is in doubt", PATIENCE)
        self.proxy.reset_connections()
        self.proxy.heal()
        return await task

    async def _moved(self) -> bool:
        return await self.revision() > self._number and self.proxy.dropped > self._dropped

    async def history(self, key: str) -> list[Change]:
        await self.plain.commit([put("beside", b"")])
        changes = (await record(self.server.address, await self.revision())).changes
        return [change for change in changes if change.key == key]

    async def values(self, key: str) -> list[bytes | None]:
        return [change.value for change in await self.history(key)]


@asynccontextmanager
async def desk(version: str, timeout: float = 2.0) -> AsyncGenerator[Desk, None]:
    async with (
        EtcdServer(version) as server,
        FaultProxy(server.client_port) as proxy,
        PlainClient(server.address) as plain,
        EtcdStore(parse(f"etcd://{proxy.address}/{ROOT}"), Access(timeout=PATIENCE)) as store,
    ):
        await warm_up_and_limit(store, timeout)
        made = Desk(server, proxy, plain, store)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(store.connection, "call", made.call)
            yield made


@pytest.mark.parametrize("version", VERSIONS)
class TestWhatHappened:
    async def test_a_create(self, version: str) -> None:
        async with desk(version) as at:
            for number in range(TIMES[version]):
                key = f"key{number}"
                entry = await at.committed(at.store.atomic_put(key, b"made", None))
                assert isinstance(entry, Entry)
                assert [entry.revision] == [change.revision for change in await at.history(key)]

    async def test_an_update(self, version: str) -> None:
        async with desk(version) as at:
            entry: Entry | int | None = await at.store.put("key", b"first")
            for number in range(TIMES[version]):
                assert isinstance(entry, Entry)
                entry = await at.committed(at.store.atomic_put("key", f"{number}".encode(), entry))
            assert await at.values("key") == [b"first", *(f"{number}".encode() for number in range(TIMES[version]))]

    async def test_a_deletion(self, version: str) -> None:
        async with desk(version) as at:
            for number in range(TIMES[version]):
                entry = await at.store.put("key", f"{number}".encode())
                await at.committed(at.store.atomic_delete("key", entry))
                assert (await at.values("key"))[-1] is None

    async def test_a_put_whatever_is_there(self, version: str) -> None:
        async with desk(version) as at:
            for number in range(TIMES[version]):
                await at.committed(at.store.put(f"key{number // 2}", f"{number}".encode()))
            assert await at.values("key0") == [b"0", b"1"]

    async def test_a_deletion_of_whatever_is_there(self, version: str) -> None:
        async with desk(version) as at:
            for number in range(TIMES[version]):
                await at.store.put("key", f"{number}".encode())
                await at.committed(at.store.delete("key"))

    async def test_a_deleted_tree(self, version: str) -> None:
        async with desk(version) as at:
            for number in range(TIMES[version]):
                for key in range(3):
                    await at.store.put(f"tree/{key}", b"")
                guard = (await at.store.list("tree")).revision if number % 2 else None
                assert await at.committed(at.store.delete_tree("tree", guard=guard)) == 3


@pytest.mark.parametrize("version", VERSIONS)
class TestWhatDidNotHappen:
    async def test_a_request_that_never_arrived_is_sent_again(self, version: str) -> None:
        async with desk(version, TIMEOUT) as at:
            for number in range(TIMES[version] // 4):
                made = await at.cut(at.store.atomic_put(f"key{number}", b"made", None))
                assert isinstance(made, Entry)
                changed = await at.cut(at.store.atomic_put(f"key{number}", b"changed", made))
                assert isinstance(changed, Entry)
                await at.cut(at.store.atomic_delete(f"key{number}", changed))
                assert await at.values(f"key{number}") == [b"made", b"changed", None]

    async def test_an_update_that_was_refused_is_a_conflict(self, version: str) -> None:
        async with desk(version) as at:
            for number in range(TIMES[version]):
                entry = await at.store.put("key", b"read")
                await at.write(put(f"{ROOT}key", b"theirs"))
                with pytest.raises(KeyModified):
                    await at.refused(at.store.atomic_put("key", f"{number}".encode(), entry))
                with pytest.raises(KeyModified):
                    await at.refused(at.store.atomic_delete("key", entry))
            assert set(await at.values("key")) == {b"read", b"theirs"}

    async def test_a_create_that_found_the_key_taken_is_refused(self, version: str) -> None:
        async with desk(version) as at:

            async def take() -> None:
                await at.write(put(f"{ROOT}key{number}", b"theirs"))

            for number in range(TIMES[version]):
                with pytest.raises(KeyExists):
                    await at.refused(at.store.atomic_put(f"key{number}", b"mine", None), take)

    async def test_a_tree_that_was_written_to_since_the_preview_is_kept(self, version: str) -> None:
        async with desk(version) as at:
            await at.store.put("tree/1", b"")
            guard = (await at.store.list("tree")).revision
            await at.write(put(f"{ROOT}tree/2", b"new"))
            with pytest.raises(KeyModified):
                await at.refused(at.store.delete_tree("tree", guard=guard))
            assert await at.store.exists("tree/1")


class TestCreates:
    """An absent key has no revision to compare: what happened to it in between has to be looked for."""

    async def test_one_that_was_deleted_meanwhile_stays_deleted(self) -> None:
        async with desk("3.5") as at:
            at.before = [at.lose_reply]
            task = asyncio.create_task(at.store.atomic_put("key", b"made", None))
            await eventually(lambda: appeared(at, "key"), "it is committed", PATIENCE)
            await at.write(delete(f"{ROOT}key"))
            at.proxy.heal()
            made = await task
            assert await at.values("key") == [b"made", None]
            assert made.revision == (await at.history("key"))[0].revision

    @pytest.mark.parametrize("version", VERSIONS)
    async def test_one_that_came_back_by_its_repetition_is_taken_away(self, version: str) -> None:
        """The first request arrives at the last moment (another client stands in for it), and the key is deleted."""
        async with desk(version, TIMEOUT) as at:

            async def arrive() -> None:
                await at.write(put(f"{ROOT}key", b"made"))
                await at.write(delete(f"{ROOT}key"))

            made = await at.cut(at.store.atomic_put("key", b"made", None), arrive)
            assert isinstance(made, Entry)
            assert await at.values("key") == [b"made", None, b"made", None]
            assert made.revision == (await at.history("key"))[0].revision

    async def test_what_happened_before_it_was_sent_is_somebody_elses(self) -> None:
        """The same key, made with the same value and deleted while this connection was idle."""
        async with desk("3.5", TIMEOUT) as at:
            await at.write(put(f"{ROOT}key", b"made"))
            await at.write(delete(f"{ROOT}key"))
            made = await at.committed(at.store.atomic_put("key", b"made", None))
            assert isinstance(made, Entry)
            assert made.revision == (await at.history("key"))[-1].revision
            await at.write(delete(f"{ROOT}key"))
            await at.write(put(f"{ROOT}key", b"other"))
            await at.write(delete(f"{ROOT}key"))
            again = await at.cut(at.store.atomic_put("key", b"made", None))
            assert isinstance(again, Entry)
            assert again.revision == (await at.history("key"))[-1].revision

    async def test_an_equal_value_with_another_lease_is_somebody_elses(self) -> None:
        async with desk("3.5", TIMEOUT) as at:

            async def take() -> None:
                await at.write(put(f"{ROOT}key", b"value"))

            with pytest.raises(KeyExists):
                await at.cut(at.store.atomic_put("key", b"value", None, ttl=60), take)


class TestUnknown:
    """Where nobody can tell, that is what is told."""

    async def test_history_that_is_gone(self) -> None:
        async with desk("3.5") as at:
            entry = await at.store.put("key", b"read")
            at.before = [at.lose_reply]
            task = asyncio.create_task(at.store.atomic_put("key", b"mine", entry))
            await eventually(lambda: changed(at, entry), "it is committed", PATIENCE)
            await at.write(put(f"{ROOT}key", b"theirs"))
            await asyncio.to_thread(at.server.compact)
            at.proxy.heal()
            with pytest.raises(OutcomeUnknown):
                await task

    async def test_a_tree_that_grew_after_it_was_deleted_is_not_deleted_again(self) -> None:
        async with desk("3.5") as at:
            await at.store.put("tree/1", b"")
            at.before = [at.lose_reply]
            task = asyncio.create_task(at.store.delete_tree("tree"))
            await eventually(lambda: vanished(at, "tree/1"), "it is committed", PATIENCE)
            await at.write(put(f"{ROOT}tree/2", b"new"))
            at.proxy.heal()
            assert await task == 1
            assert await at.store.exists("tree/2")


async def test_a_member_without_a_leader_takes_nothing() -> None:
    """That is sure, and nothing to be in doubt about."""
    async with EtcdCluster("3.5") as cluster:
        leader = await asyncio.to_thread(cluster.leader)
        followers = [member for member in cluster.members if member is not leader]
        async with EtcdStore(parse(f"etcd://{leader.address}/{ROOT}"), Access(timeout=PATIENCE)) as store:
            entry = await store.put("key", b"read")
            limit_requests(store, 1.0)
            async with store.watch_tree("") as events:
                for member in followers:
                    await asyncio.to_thread(member.pause)
                async with asyncio.timeout(PATIENCE):
                    while not isinstance(await anext(events), Lost):
                        continue
            with pytest.raises(NotReachable, match="no leader"):
                await store.atomic_put("key", b"value", entry)
            for member in followers:
                member.resume()
            await eventually(leader.answers, "there is a quorum again", PATIENCE)
            assert await store.get("key") == entry


def test_an_answer_that_is_no_verdict_leaves_a_write_in_doubt() -> None:
    """What etcd has a word for it says with other codes."""
    for code in (grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL, grpc.StatusCode.DATA_LOSS):
        found = translate(code, "raft proposal dropped")
        assert isinstance(found.error, NotReachable)
        assert not found.not_sent


async def test_a_nudged_stream_that_is_cut_fails_in_the_words_of_the_error_tree() -> None:
    progress = messages.WatchRequest(progress_request=messages.WatchProgressRequest())
    create = messages.WatchRequest(create_request=messages.WatchCreateRequest(key=b"key", start_revision=1 << 40))
    async with EtcdServer("3.5") as server, FaultProxy(server.client_port) as proxy:
        cluster = EtcdConnection(load(parse(f"etcd://{proxy.address}/"), Access()))
        stream = cluster.open_stream(WATCH, create, first_within=5.0, progress_request=progress)
        async with aclosing(stream) as answers:
            assert (await anext(answers)).created
            proxy.reset()
            with pytest.raises(NotReachable):
                async for _ in answers:
                    pass
        await cluster.close()


async def appeared(at: Desk, key: str) -> bool:
    return key in (await at.plain.read(ROOT))[1]


async def vanished(at: Desk, key: str) -> bool:
    return not await appeared(at, key)


async def changed(at: Desk, entry: Entry) -> bool:
    return (await at.plain.read(ROOT))[1][entry.key].mod_revision != entry.revision
