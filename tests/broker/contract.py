"""The broker and the watcher on a driver's store; the tests of cn-infra's drivers, ported, name the original."""

import asyncio

import pytest

from explorer.broker import BinarySerializer, Broker, ChangeEvent, JsonSerializer, Serializer, Watcher
from explorer.drivers.base import Store
from explorer.model.capabilities import Capability
from explorer.model.errors import CallNotSupported, InvalidText, KeyExists, KeyModified
from explorer.model.operations import ABSENT
from tests.broker.messages import Greetings
from tests.contract.fixtures import LONG_TTL, MIN_TTL, WAIT_TIMEOUT, DriverFixtures, lacks, needs

HELLO = Greetings(greeting="Hello", times_said=1)
HI = Greetings(greeting="Hi", times_said=2)

SERIALIZERS = {"json": JsonSerializer(), "wire": BinarySerializer()}

with_each_serializer = pytest.mark.parametrize("serializer", SERIALIZERS.values(), ids=SERIALIZERS)


class Recorder:
    """A callback of a watch that keeps the changes."""

    def __init__(self) -> None:
        self._changes: asyncio.Queue[ChangeEvent[Greetings]] = asyncio.Queue()

    def __call__(self, change: ChangeEvent[Greetings]) -> None:
        self._changes.put_nowait(change)

    async def take(self, count: int) -> list[tuple[str, str | None, str | None]]:
        """Return key, greeting and previous greeting of the next changes."""
        async with asyncio.timeout(WAIT_TIMEOUT):
            changes = [await self._changes.get() for _ in range(count)]
        return [(change.key, _greeting(change.message), _greeting(change.previous)) for change in changes]


def _greeting(message: Greetings | None) -> str | None:
    return None if message is None else message.greeting


def greetings(store: Store, prefix: str = "/myplugin/", serializer: Serializer | None = None) -> Broker[Greetings]:
    return Broker(store, prefix, Greetings, serializer or JsonSerializer())


def watcher(store: Store, prefix: str = "/myplugin/") -> Watcher[Greetings]:
    return Watcher(store, prefix, Greetings)


class BrokerContract(DriverFixtures):
    """Tests of cn-infra's KvProtoPlugin, on any store."""

    @with_each_serializer
    async def test_put_get_delete(self, store: Store, serializer: Serializer) -> None:
        """As cn-infra's Put, GetValue and Delete: found, existed and a prefix that the caller does not see."""
        if isinstance(serializer, BinarySerializer) and Capability.BINARY_VALUES not in store.capabilities:
            serializer = JsonSerializer()
        broker = greetings(store, serializer=serializer)
        assert not (await broker.get_value("greetings/hello")).found
        written = await broker.put("greetings/hello", HELLO)
        found = await broker.get_value("greetings/hello")
        assert (found.key, found.found, found.message) == ("greetings/hello", True, HELLO)
        assert found.revision == written.revision
        assert await broker.delete("greetings/hello")
        assert not await broker.delete("greetings/hello")

    async def test_json_is_cn_infras(self, store: Store) -> None:
        """The names are those of the `.proto` file, and the key is the one that cn-infra writes."""
        await greetings(store).put("greetings/hello", HI)
        key = "/myplugin/greetings/hello" if store.keeps_first_slash else "myplugin/greetings/hello"
        assert (await store.get(key)).value == b'{"greeting": "Hi", "times_said": 2}'

    async def test_list_values_and_keys(self, store: Store) -> None:
        """As cn-infra's ListValues and ListKeys: below a directory, without the broker's prefix."""
        broker = greetings(store)
        await broker.put("greetings/hello", HELLO)
        await broker.put("greetings/more/hi", HI)
        await broker.put("greetings2/other", HI)
        listed = [(stored.key, stored.message) async for stored in broker.list_values("greetings/")]
        assert listed == [("greetings/hello", HELLO), ("greetings/more/hi", HI)]
        assert [key async for key in broker.list_keys("greetings")] == ["greetings/hello", "greetings/more/hi"]
        assert len([key async for key in broker.list_keys()]) == 3
        assert [stored async for stored in broker.list_values("none/")] == []

    async def test_brokers_see_their_own_prefix(self, store: Store) -> None:
        """As cn-infra's NewBroker: neither reads what the other one wrote, and a separator is not doubled."""
        mine, theirs = greetings(store, "/mine"), greetings(store, "/theirs/")
        await mine.put("/key", HELLO)
        assert not (await theirs.get_value("key")).found
        assert [key async for key in mine.list_keys("/")] == ["key"]
        assert (await greetings(store, "").get_value("/mine/key")).message == HELLO

    async def test_delete_tree(self, store: Store) -> None:
        """As cn-infra's Delete with the option WithPrefix."""
        broker = greetings(store)
        for key in ("greetings/a", "greetings/b", "kept"):
            await broker.put(key, HI)
        assert await broker.delete_tree("greetings/") >= 2
        assert await broker.delete_tree("greetings/") == 0
        assert [key async for key in broker.list_keys()] == ["kept"]

    async def test_value_of_another_type_is_an_error(self, store: Store) -> None:
        """It names the key; as bytes the value can be read."""
        await Broker(store, "/myplugin/").put("key", b'{"farewell": "Bye"}')
        with pytest.raises(InvalidText, match="farewell") as caught:
            await greetings(store).get_value("key")
        assert "myplugin/key" in (caught.value.key or "")
        assert (await Broker(store, "/myplugin/").get_value("key")).message == b'{"farewell": "Bye"}'

    @needs(Capability.ATOMIC)
    async def test_put_if_absent(self, store: Store) -> None:
        """As cn-infra's PutIfNotExists."""
        broker = greetings(store)
        assert await broker.put_if_absent("key", HELLO)
        assert not await broker.put_if_absent("key", HI)
        assert (await broker.get_value("key")).message == HELLO

    @needs(Capability.ATOMIC)
    async def test_compare_and_swap(self, store: Store) -> None:
        """As cn-infra's CompareAndSwap: compares the value; also what was read, by its revision."""
        broker = greetings(store)
        assert await broker.compare_and_swap("key", HELLO, HI) is None
        seen = await broker.put("key", HELLO)
        assert await broker.compare_and_swap("key", HI, HELLO) is None
        swapped = await broker.compare_and_swap("key", HELLO, HI)
        assert swapped == await broker.get_value("key")
        assert await broker.compare_and_swap("key", seen, HELLO) is None
        assert swapped is not None
        assert await broker.compare_and_swap("key", swapped, HELLO) is not None
        assert (await broker.get_value("key")).message == HELLO

    @needs(Capability.ATOMIC)
    async def test_compare_and_delete(self, store: Store) -> None:
        """As cn-infra's CompareAndDelete."""
        broker = greetings(store)
        seen = await broker.put("key", HELLO)
        assert not await broker.compare_and_delete("key", HI)
        assert not await broker.compare_and_delete("missing", HI)
        await broker.put("key", HI)
        assert not await broker.compare_and_delete("key", seen)
        assert await broker.compare_and_delete("key", HI)
        assert not (await broker.get_value("key")).found

    @needs(Capability.TRANSACTIONS)
    async def test_txn(self, store: Store) -> None:
        """As cn-infra's NewTxn: all or nothing."""
        broker = greetings(store)
        gone = await broker.put("gone", HELLO)
        new, deleted = await broker.txn().put("new", HI, expected=ABSENT).delete("gone", expected=gone).commit()
        assert (new, deleted) == (await broker.get_value("new"), None)
        with pytest.raises(KeyExists):
            await broker.txn().put("other", HI).put("new", HELLO, expected=ABSENT).commit()
        with pytest.raises(KeyModified):
            await broker.txn().put("other", HI).delete("gone", expected=gone).commit()
        await broker.txn().put("last", HI).delete("gone").commit()
        assert [key async for key in broker.list_keys()] == ["last", "new"]

    @lacks(Capability.TRANSACTIONS)
    async def test_txn_is_refused_without_transactions(self, store: Store) -> None:
        with pytest.raises(CallNotSupported, match="transactions"):
            await greetings(store).txn().put("new", HI).commit()

    @needs(Capability.TTL)
    async def test_put_with_ttl(self, store: Store) -> None:
        """As cn-infra's Put with the option WithTTL."""
        stored = await greetings(store).put("key", HI, ttl=10 * LONG_TTL)
        assert stored.entry is not None
        if Capability.TIME_LEFT in store.capabilities:
            assert 0 < (stored.entry.ttl or 0) <= 10 * LONG_TTL
        assert await greetings(store).get_value("key") == stored

    @needs(Capability.KEEP_ALIVE)
    async def test_put_that_lives_as_long_as_its_client(self, store: Store) -> None:
        """As cn-infra's Put with the option WithClientLifetimeTTL: gone with the connection that wrote it."""
        async with self.connection() as client:
            await greetings(client).put("key", HI, ttl=MIN_TTL, keep_alive=True)
            assert (await greetings(store).get_value("key")).found
        async with asyncio.timeout(WAIT_TIMEOUT):
            while (await greetings(store).get_value("key")).found:
                await self.advance(MIN_TTL / 10)

    @needs(Capability.WATCH)
    async def test_watch(self, store: Store, other: Store) -> None:
        """As cn-infra's Watch: puts and deletions with the previous value, of this prefix only."""
        broker, recorder = greetings(other), Recorder()
        await broker.put("greetings/hello", HELLO)
        async with await watcher(store).watch(recorder, "greetings/"):
            await broker.put("other", HI)
            await greetings(other, "/theirs/").put("greetings/hello", HI)
            await broker.put("greetings/hello", HI)
            assert await recorder.take(1) == [("greetings/hello", "Hi", "Hello")]
            await broker.delete("greetings/hello")
            assert await recorder.take(1) == [("greetings/hello", None, "Hi")]
            await broker.put("greetings/hello", HELLO)
            assert await recorder.take(1) == [("greetings/hello", "Hello", None)]

    @needs(Capability.WATCH)
    async def test_watch_of_several_keys_is_cancelled_one_by_one(self, store: Store, other: Store) -> None:
        """As cn-infra's closeChan: a key ends its own watch, closing it ends all."""
        broker, recorder = greetings(other), Recorder()
        async with await watcher(store).watch(recorder, "one/", "two/", "three") as registration:
            assert {*registration.keys} == {"one/", "two/", "three"}
            await registration.cancel("one/")
            for key in ("one/a", "two/a", "three"):
                await broker.put(key, HI)
                if not key.startswith("one"):
                    assert await recorder.take(1) == [(key, "Hi", None)]
            await registration.cancel()
            await broker.put("two/a", HELLO)
            await registration.add("two/")
            watched = registration.keys
            assert watched == ("two/",)
            await broker.put("two/a", HI)
            assert await recorder.take(1) == [("two/a", "Hi", "Hello")]

    @needs(Capability.WATCH)
    async def test_watch_outlives_a_failing_callback(self, store: Store, other: Store) -> None:
        """Its error goes to the event loop's exception handler."""
        recorder, failures = Recorder(), list[object]()
        asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context.get("exception")))

        async def on_change(change: ChangeEvent[Greetings]) -> None:
            assert change.message is not None
            recorder(change)

        await Broker(other, "/myplugin/").put("key", b"{}")
        async with await watcher(store).watch(on_change):
            await Broker(other, "/myplugin/").put("key", b"no greeting")
            await greetings(other).put("beside", HI)
            assert await recorder.take(1) == [("beside", "Hi", None)]
        assert [type(failure) for failure in failures] == [InvalidText]

    @lacks(Capability.WATCH)
    async def test_watch_is_refused_without_watches(self, store: Store) -> None:
        with pytest.raises(CallNotSupported, match="watch"):
            await watcher(store).watch(Recorder(), "greetings/", "other/")
