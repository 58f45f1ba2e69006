"""Writes of etcd whose reply was lost: each is reported as what it was, and none is carried out twice."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import TypeVar

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
from tests.faults.etcd_stub import EtcdStub, delete, put
from tests.faults.history import Change
from tests.faults.recorder import record
from tests.faults.timeouts import limit_requests
from tests.faults.workload import ROOT
from tests.scale import PATIENCE, figure
from tests.servers.etcd import EtcdCluster, EtcdServer
from tests.servers.proxy import FaultProxy
from tests.servers.waiting import eventually

pytestmark = [pytest.mark.faults, pytest.mark.servers]

TIMES = {"3.4": figure(short=4, long=200), "3.5": figure(short=20, long=200)}
VERSIONS = ["3.4", "3.5"]
HELD_TIMEOUT = 0.3
"""Seconds after which a request that is held up is given up; all others may take long, on a busy machine."""
Event = Callable[[], Awaitable[None]]
Result = TypeVar("Result")


class EtcdLink:
    """A store behind a proxy, with hooks that run right before its next transactions are sent."""

    def __init__(self, server: EtcdServer, proxy: FaultProxy, plain: EtcdStub, store: EtcdStore) -> None:
        self.server, self.proxy, self.plain, self.store = server, proxy, plain, store
        self.before: list[Event] = []
        """Hooks for the first transaction, the second, and so on."""
        self._call_once = store.connection.call_once
        self._last_revision = self._dropped = self._calls = 0
        self._is_held = False

    async def call_once(
        self, method: Method[Request, Response], request: Request, within: float, *, at: Host | None = None
    ) -> Response:
        self._calls += 1
        if method.path == TXN.path and self.before:
            await self.before.pop(0)()
            self._calls = 0
            if self._is_held:
                self._is_held, within = False, HELD_TIMEOUT
        return await self._call_once(method, request, within, at=at)

    async def lose_reply(self) -> None:
        self.proxy.drop_replies()

    async def hold_request(self) -> None:
        self.proxy.hang()
        self._is_held = True

    async def revision(self) -> int:
        return (await self.plain.read(ROOT))[0]

    async def write(self, *operations: messages.RequestOp) -> None:
        """Write as another client, over its own connection."""
        await self.plain.commit(operations)

    async def committed_without_reply(self, what: Coroutine[object, object, Entry | int | None]) -> Entry | int | None:
        """Start a write, lose the reply to it, and heal the connection once it is committed_without_reply."""
        self._last_revision, self._dropped = await self.revision(), self.proxy.dropped
        self.before = [self.lose_reply]
        task = asyncio.create_task(what)
        await eventually(self._moved, "it is committed_without_reply", PATIENCE)
        self.proxy.heal()
        return await task

    async def refused_without_reply(
        self, what: Coroutine[object, object, Entry | int | None], *first: Event
    ) -> Entry | int | None:
        """Start a write that the store will refuse because of the `first` hooks, and lose the reply."""
        dropped = self.proxy.dropped

        async def lose() -> None:
            for event in (*first, self.lose_reply):
                await event()

        self.before = [lose]
        task = asyncio.create_task(what)
        await eventually(lambda: self.proxy.dropped > dropped, "the reply is lost", PATIENCE)
        self.proxy.heal()
        return await task

    async def cut(self, what: Coroutine[object, object, Result], *later: Event, reads: Sequence[Event] = ()) -> Result:
        """Start a write whose request never arrives; the `later` hooks run before it is sent again.

        Args:
            what: The write.
            later: The hooks.
            reads: Hooks for the transactions that read before it.
        """
        self.before = [*reads, self.hold_request, *later]
        task = asyncio.create_task(what)
        await eventually(lambda: len(self.before) == len(later) and self._calls > 0, "it is in doubt", PATIENCE)
        self.proxy.reset_connections()
        self.proxy.heal()
        return await task

    async def _moved(self) -> bool:
        return await self.revision() > self._last_revision and self.proxy.dropped > self._dropped

    async def history(self, key: str) -> list[Change]:
        await self.plain.commit([put("beside", b"")])
        changes = (await record(self.server.address, await self.revision())).changes
        return [change for change in changes if change.key == key]

    async def values(self, key: str) -> list[bytes | None]:
        return [change.value for change in await self.history(key)]


@asynccontextmanager
async def etcd_link(version: str) -> AsyncGenerator[EtcdLink, None]:
    async with (
        EtcdServer(version) as server,
        FaultProxy(server.client_port) as proxy,
        EtcdStub(server.address) as plain,
        EtcdStore(parse(f"etcd://{proxy.address}/{ROOT}"), Access(timeout=PATIENCE)) as store,
    ):
        made = EtcdLink(server, proxy, plain, store)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(store.connection, "call_once", made.call_once)
            yield made


@pytest.mark.parametrize("version", VERSIONS)
class TestCommitted:
    async def test_create_with_lost_reply(self, version: str) -> None:
        async with etcd_link(version) as link:
            for number in range(TIMES[version]):
                key = f"key{number}"
                entry = await link.committed_without_reply(link.store.atomic_put(key, b"made", None))
                assert isinstance(entry, Entry)
                assert [entry.revision] == [change.revision for change in await link.history(key)]

    async def test_update_with_lost_reply(self, version: str) -> None:
        async with etcd_link(version) as link:
            entry: Entry | int | None = await link.store.put("key", b"first")
            for number in range(TIMES[version]):
                assert isinstance(entry, Entry)
                entry = await link.committed_without_reply(link.store.atomic_put("key", f"{number}".encode(), entry))
            assert await link.values("key") == [b"first", *(f"{number}".encode() for number in range(TIMES[version]))]

    async def test_deletion_with_lost_reply(self, version: str) -> None:
        async with etcd_link(version) as link:
            for number in range(TIMES[version]):
                entry = await link.store.put("key", f"{number}".encode())
                await link.committed_without_reply(link.store.atomic_delete("key", entry))
                assert (await link.values("key"))[-1] is None

    async def test_plain_put_with_lost_reply(self, version: str) -> None:
        async with etcd_link(version) as link:
            for number in range(TIMES[version]):
                await link.committed_without_reply(link.store.put(f"key{number // 2}", f"{number}".encode()))
            assert await link.values("key0") == [b"0", b"1"]

    async def test_plain_deletion_with_lost_reply(self, version: str) -> None:
        async with etcd_link(version) as link:
            for number in range(TIMES[version]):
                await link.store.put("key", f"{number}".encode())
                await link.committed_without_reply(link.store.delete("key"))

    async def test_tree_deletion_with_lost_reply(self, version: str) -> None:
        async with etcd_link(version) as link:
            for number in range(TIMES[version]):
                for key in range(3):
                    await link.store.put(f"tree/{key}", b"")
                guard = (await link.store.list("tree")).revision if number % 2 else None
                assert await link.committed_without_reply(link.store.delete_tree("tree", guard=guard)) == 3


@pytest.mark.parametrize("version", VERSIONS)
class TestNotCommitted:
    async def test_request_that_never_arrived_is_sent_again(self, version: str) -> None:
        async with etcd_link(version) as link:
            for number in range(TIMES[version] // 4):
                made = await link.cut(link.store.atomic_put(f"key{number}", b"made", None))
                assert isinstance(made, Entry)
                changed = await link.cut(link.store.atomic_put(f"key{number}", b"changed", made))
                assert isinstance(changed, Entry)
                await link.cut(link.store.atomic_delete(f"key{number}", changed))
                assert await link.values(f"key{number}") == [b"made", b"changed", None]

    async def test_refused_update_with_lost_reply_is_a_conflict(self, version: str) -> None:
        async with etcd_link(version) as link:
            for number in range(TIMES[version]):
                entry = await link.store.put("key", b"read")
                await link.write(put(f"{ROOT}key", b"theirs"))
                with pytest.raises(KeyModified):
                    await link.refused_without_reply(link.store.atomic_put("key", f"{number}".encode(), entry))
                with pytest.raises(KeyModified):
                    await link.refused_without_reply(link.store.atomic_delete("key", entry))
            assert set(await link.values("key")) == {b"read", b"theirs"}

    async def test_create_of_a_taken_key_is_refused(self, version: str) -> None:
        async with etcd_link(version) as link:

            async def take() -> None:
                await link.write(put(f"{ROOT}key{number}", b"theirs"))

            for number in range(TIMES[version]):
                with pytest.raises(KeyExists):
                    await link.refused_without_reply(link.store.atomic_put(f"key{number}", b"mine", None), take)

    async def test_tree_changed_since_the_preview_is_kept(self, version: str) -> None:
        async with etcd_link(version) as link:
            await link.store.put("tree/1", b"")
            guard = (await link.store.list("tree")).revision
            await link.write(put(f"{ROOT}tree/2", b"new"))
            with pytest.raises(KeyModified):
                await link.refused_without_reply(link.store.delete_tree("tree", guard=guard))
            assert await link.store.exists("tree/1")


class TestCreates:
    """An absent key has no revision to compare, so its history is read."""

    async def test_created_key_deleted_by_others_stays_deleted(self) -> None:
        async with etcd_link("3.5") as link:
            link.before = [link.lose_reply]
            task = asyncio.create_task(link.store.atomic_put("key", b"made", None))
            await eventually(lambda: appeared(link, "key"), "it is committed_without_reply", PATIENCE)
            await link.write(delete(f"{ROOT}key"))
            link.proxy.heal()
            made = await task
            assert await link.values("key") == [b"made", None]
            assert made.revision == (await link.history("key"))[0].revision

    @pytest.mark.parametrize("version", VERSIONS)
    async def test_key_recreated_by_the_retry_is_deleted(self, version: str) -> None:
        """The first request arrives link the last moment (another client makes it), and the key is deleted."""
        async with etcd_link(version) as link:

            async def arrive() -> None:
                await link.write(put(f"{ROOT}key", b"made"))
                await link.write(delete(f"{ROOT}key"))

            made = await link.cut(link.store.atomic_put("key", b"made", None), arrive)
            assert isinstance(made, Entry)
            assert await link.values("key") == [b"made", None, b"made", None]
            assert made.revision == (await link.history("key"))[0].revision

    async def test_earlier_create_of_the_same_value_is_not_ours(self) -> None:
        """The same key, made with the same value and deleted while this connection was idle."""
        async with etcd_link("3.5") as link:
            await link.write(put(f"{ROOT}key", b"made"))
            await link.write(delete(f"{ROOT}key"))
            made = await link.committed_without_reply(link.store.atomic_put("key", b"made", None))
            assert isinstance(made, Entry)
            assert made.revision == (await link.history("key"))[-1].revision
            await link.write(delete(f"{ROOT}key"))
            await link.write(put(f"{ROOT}key", b"other"))
            await link.write(delete(f"{ROOT}key"))
            again = await link.cut(link.store.atomic_put("key", b"made", None))
            assert isinstance(again, Entry)
            assert again.revision == (await link.history("key"))[-1].revision

    async def test_equal_value_with_another_lease_is_not_ours(self) -> None:
        async with etcd_link("3.5") as link:

            async def take() -> None:
                await link.write(put(f"{ROOT}key", b"value"))

            with pytest.raises(KeyExists):
                await link.cut(link.store.atomic_put("key", b"value", None, ttl=60), take)


class TestUnknown:
    """Outcomes that the store cannot show are OutcomeUnknown."""

    async def test_compacted_history_makes_the_outcome_unknown(self) -> None:
        async with etcd_link("3.5") as link:
            entry = await link.store.put("key", b"read")
            link.before = [link.lose_reply]
            task = asyncio.create_task(link.store.atomic_put("key", b"mine", entry))
            await eventually(lambda: changed(link, entry), "it is committed_without_reply", PATIENCE)
            await link.write(put(f"{ROOT}key", b"theirs"))
            await asyncio.to_thread(link.server.compact)
            link.proxy.heal()
            with pytest.raises(OutcomeUnknown):
                await task

    async def test_tree_that_grew_after_deletion_is_kept(self) -> None:
        async with etcd_link("3.5") as link:
            await link.store.put("tree/1", b"")
            link.before = [link.lose_reply]
            task = asyncio.create_task(link.store.delete_tree("tree"))
            await eventually(lambda: vanished(link, "tree/1"), "it is committed_without_reply", PATIENCE)
            await link.write(put(f"{ROOT}tree/2", b"new"))
            link.proxy.heal()
            assert await task == 1
            assert await link.store.exists("tree/2")


async def test_member_without_a_leader_refuses_a_save() -> None:
    """Nothing was written, so it is NotReachable and not OutcomeUnknown."""
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


def test_indefinite_status_leaves_the_outcome_unknown() -> None:
    """Etcd uses other status codes for definite refusals."""
    for code in (grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL, grpc.StatusCode.DATA_LOSS):
        found = translate(code, "raft proposal dropped")
        assert isinstance(found.error, NotReachable)
        assert not found.not_sent


async def test_cut_stream_with_progress_requests_is_not_reachable() -> None:
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


async def appeared(link: EtcdLink, key: str) -> bool:
    return key in (await link.plain.read(ROOT))[1]


async def vanished(link: EtcdLink, key: str) -> bool:
    return not await appeared(link, key)


async def changed(link: EtcdLink, entry: Entry) -> bool:
    return (await link.plain.read(ROOT))[1][entry.key].mod_revision != entry.revision
