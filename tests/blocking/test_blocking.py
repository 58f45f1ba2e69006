"""Blocking stores: calls, closing, threads and ctrl-C."""

import asyncio
import gc
import queue
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from inspect import getmembers, isfunction, signature

import pytest

import explorer
from explorer.blocking import BlockingBroker, BlockingLock, BlockingStore, BlockingWatcher
from explorer.blocking.broker import BlockingTxn
from explorer.blocking.portal import portal
from explorer.blocking.watcher import BlockingWatchRegistration
from explorer.broker import BinarySerializer, Broker, ChangeEvent, Txn, Watcher, WatchRegistration
from explorer.drivers.base import Store
from explorer.drivers.lock import Lock
from explorer.drivers.memory import MemoryStore
from explorer.drivers.memory.database import Database
from explorer.model.address import Access, parse
from explorer.model.errors import CannotLock, KeyExists, KeyModified, KeyNotFound, NotReachable
from explorer.model.events import Deleted, Put, Started
from explorer.model.operations import ABSENT
from tests.broker.messages import Greetings
from tests.servers.waiting import PATIENCE, wait_until

OWN_ARGUMENTS = {(call, word) for call in ("watch", "watch_tree") for word in ("limit", "timeout")}
"""Arguments that end a loop, which an awaited watch leaves to `asyncio.timeout` and `break`."""


@pytest.fixture
def store() -> Iterator[BlockingStore]:
    with explorer.connect("memory:") as opened:
        yield opened


def running_tasks() -> Counter[str]:
    """Return the names of the tasks on the portal's loop."""

    async def count() -> Counter[str]:
        return Counter(task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task())

    return portal().run(count())


def assert_no_task_left(before: Counter[str]) -> None:
    """Wait until no more tasks run than before; a cancelled task may take another turn of the loop."""
    wait_until(lambda: running_tasks() <= before, f"no more tasks than {before}")


class TestCalls:
    @pytest.mark.parametrize(
        ("blocking", "awaited"),
        [
            (BlockingStore, Store),
            (BlockingLock, Lock),
            (BlockingBroker, Broker),
            (BlockingTxn, Txn),
            (BlockingWatcher, Watcher),
            (BlockingWatchRegistration, WatchRegistration),
        ],
    )
    def test_every_call_has_the_arguments_of_its_async_twin(self, blocking: type, awaited: type) -> None:
        own = {"connect", "clone", "__aenter__", "__aexit__", "__init__"}  # to open one is `explorer.connect`'s
        contract = {name: call for name, call in getmembers(awaited, isfunction) if name not in own and name[:1] != "_"}
        assert contract
        for name, call in contract.items():
            ours = [word for word in signature(getattr(blocking, name)).parameters if (name, word) not in OWN_ARGUMENTS]
            assert ours == list(signature(call).parameters), name

    def test_reads_and_writes(self, store: BlockingStore) -> None:
        entry = store.put("a/b", b"one")
        assert store.get("a/b") == entry
        assert store.exists("a/b")
        assert [child.name for child in store.children("").items] == ["a"]
        assert [entry.key for entry in store.list("").items] == ["a/b"]
        with pytest.raises(KeyExists):
            store.atomic_put("a/b", b"two", None)
        second = store.atomic_put("a/b", b"two", entry)
        with pytest.raises(KeyModified):
            store.atomic_delete("a/b", entry)
        assert [entry.value for entry in store.history("a/b")] == [b"one"]
        store.atomic_delete("a/b", second)
        with pytest.raises(KeyNotFound):
            store.delete("a/b")
        store.put("a/c", b"")
        assert store.delete_tree("a") == 1
        assert store.status().product
        assert store.locks() == ()

    def test_broker_of_messages(self, store: BlockingStore) -> None:
        """The calls are those of the awaited broker."""
        broker = store.broker("/myplugin", Greetings, BinarySerializer())
        seen = broker.put("hello", Greetings(greeting="Hello"))
        assert broker.get_value("hello") == seen
        assert not broker.put_if_absent("hello", Greetings())
        swapped = broker.compare_and_swap("hello", seen, Greetings(greeting="Hi"))
        assert swapped is not None
        assert broker.compare_and_swap("hello", seen, Greetings()) is None
        broker.txn().put("new", Greetings(), expected=ABSENT).put("hello", Greetings(), expected=swapped).commit()
        assert list(broker.list_keys()) == ["hello", "new"]
        assert [stored.message for stored in broker.list_values()] == [Greetings(), Greetings()]
        assert not broker.compare_and_delete("hello", seen)
        assert broker.delete("hello")
        assert not broker.delete("hello")
        assert store.broker().get_value("/myplugin/new").message == b""
        assert broker.delete_tree() == 1

    def test_watcher_calls_back_in_another_thread(self, store: BlockingStore) -> None:
        """The function may call the store, also to end the watch; several prefixes end one by one or together."""
        broker, calls = store.broker("app", Greetings), queue.Queue[tuple[str, str, int]]()

        def on_change(change: ChangeEvent[Greetings]) -> None:
            stored = broker.get_value(change.key)
            text = stored.message.greeting if stored.message else "gone"
            calls.put((change.key, text, threading.get_ident()))
            if text == "end":
                watches.cancel()

        watches = store.watcher("app", Greetings).watch(on_change, "one/", "two/")
        assert list(watches.keys) == ["one/", "two/"]
        for key, text in (("one/a", "first"), ("two/a", "second"), ("one/a", "end")):
            broker.put(key, Greetings(greeting=text))
            called, found, thread = calls.get(timeout=PATIENCE)
            assert (called, found) == (key, text)
            assert thread != threading.get_ident()
        watches.wait()
        assert list(watches.keys) == []
        with store.watcher("app", Greetings).watch(print, "one/") as other:
            other.add("two/")
            other.cancel("one/")
            assert list(other.keys) == ["two/"]

    def test_walk_yields_all_and_can_be_left_early(self, store: BlockingStore) -> None:
        """A walk that is forgotten is closed when it is collected."""
        for number in range(2500):
            store.put(f"{number:05}", b"")
        assert [entry.key for entry in store.walk("")] == [f"{number:05}" for number in range(2500)]
        assert [len(page) for page in store.walk_pages("")] == [1000, 1000, 500]
        for count in (0, 1, 2, 700):
            walk = store.walk("")
            assert [next(walk).key for _ in range(count)] == [f"{number:05}" for number in range(count)]
            walk.close()
        forgotten = store.walk("")
        next(forgotten)
        del forgotten
        gc.collect()
        store.close()
        wait_until(lambda: not any("memory" in name for name in running_tasks()), "nothing of the store is left")

    def test_watch_next_timeout_loses_no_event(self, store: BlockingStore) -> None:
        with store.watch_tree("") as events:
            assert isinstance(next(events), Started)
            with pytest.raises(TimeoutError):
                events.next(timeout=0.01)
            for number in range(100):
                store.put("k", str(number).encode())
            store.delete("k")
            received = [events.next(timeout=10) for _ in range(101)]
        assert [event.entry.value for event in received[:100] if isinstance(event, Put)] == [
            b"%d" % n for n in range(100)
        ]
        assert isinstance(received[100], Deleted)

    def test_watch_loop_ends_at_its_limit(self, store: BlockingStore) -> None:
        """Puts and deletes count; the start does not."""
        before = running_tasks()
        first = store.put("a/0", b"")
        for number in range(1, 5):
            store.put(f"a/{number}", b"")
        store.delete("a/0")
        events = list(store.watch_tree("a/", since=first.revision, limit=5))
        assert [type(event) for event in events] == [Started, Put, Put, Put, Put, Deleted]
        assert [event.key for event in store.watch("a/1", since=first.revision, limit=1) if isinstance(event, Put)] == [
            "a/1"
        ]
        with store.watch_tree("a/", since=first.revision, limit=2) as watch:
            assert len(list(watch)) == 3
            assert list(watch) == []
            assert isinstance(watch.next(timeout=10), Put)
        assert_no_task_left(before)

    def test_watch_loop_ends_at_its_timeout(self, store: BlockingStore) -> None:
        before = running_tasks()
        assert [type(event) for event in store.watch_tree("", timeout=0.05)] == [Started]
        assert [type(event) for event in store.watch_tree("", timeout=0)] == [Started]
        assert_no_task_left(before)

    def test_watch_loop_that_is_left_ends_the_watch(self, store: BlockingStore) -> None:
        """By `break` and by an error; nothing is started before the first event is asked for."""
        before = running_tasks()
        for _ in store.watch_tree(""):
            break
        assert_no_task_left(before)

        def fail() -> None:
            for _ in store.watch_tree(""):
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        assert_no_task_left(before)
        iter(store.watch_tree(""))
        assert_no_task_left(before)

    def test_watch_of_one_key_starts_with_its_entry(self, store: BlockingStore) -> None:
        entry = store.put("k", b"")
        with store.watch("k") as events:
            started = next(events)
        assert isinstance(started, Started)
        assert started.entry == entry

    def test_lock_is_held_refused_and_lost(self, store: BlockingStore) -> None:
        lock = store.lock("jobs")
        assert (lock.key, lock.held, lock.lost, lock.fence) == ("jobs", False, False, None)
        with lock:
            assert lock.held
            assert lock.fence is not None
            with pytest.raises(CannotLock):
                store.lock("jobs").acquire(timeout=0)
            (found,) = store.locks()
            assert found.holder
            assert lock.put("k", b"fenced").value == b"fenced"
            assert not lock.wait_lost(timeout=0.01)
            store.delete(found.holder.key)
            assert lock.wait_lost(timeout=10)
            assert lock.lost
        assert not lock.held


class TestClose:
    def test_close_leaves_no_task_and_can_be_repeated(self) -> None:
        before = running_tasks()
        store = explorer.connect("demo:")
        events = store.watch_tree("")
        events.__enter__()
        store.lock("mine").acquire()
        assert not running_tasks() <= before
        store.close()
        store.close()
        assert_no_task_left(before)
        events.__exit__(None, None, None)

    def test_calls_on_a_closed_store_raise_not_reachable(self, store: BlockingStore) -> None:
        walk = store.walk("")
        store.close()
        for call in (lambda: store.get("k"), lambda: next(walk), lambda: store.watch("k").__enter__()):
            with pytest.raises(NotReachable, match="closed"):
                call()
        assert "closed" in repr(store)

    def test_close_ends_a_call_that_waits_in_another_thread(self, store: BlockingStore) -> None:
        """The waiting call raises NotReachable."""
        store.lock("jobs").acquire()
        with ThreadPoolExecutor(1) as threads:
            waiting = threads.submit(store.lock("jobs").acquire)
            wait_until(lambda: any(lock.waiters for lock in store.locks()), "it waits")
            store.close()
            with pytest.raises(NotReachable):
                waiting.result(10)

    def test_failed_connect_leaves_no_task(self) -> None:
        """The error of the store is raised as it is."""
        before = running_tasks()
        store = MemoryStore(parse("memory:"), Access(), database=Database())
        store.cut("unplugged")
        with pytest.raises(NotReachable, match="unplugged"):
            BlockingStore(store)
        assert_no_task_left(before)

    def test_ctrl_c_cancels_the_call_that_waits(self, store: BlockingStore) -> None:
        """Nothing of the call is left, and the store can be used further."""
        store.lock("jobs").acquire()
        before = running_tasks()
        main = threading.main_thread().ident
        assert main is not None

        def interrupt() -> None:
            wait_until(lambda: any(lock.waiters for lock in store.locks()), "it waits")
            signal.pthread_kill(main, signal.SIGINT)

        with ThreadPoolExecutor(1) as threads:
            threads.submit(interrupt)
            with pytest.raises(KeyboardInterrupt):
                store.lock("jobs").acquire()
        assert [lock.waiters for lock in store.locks()] == [()]
        assert_no_task_left(before)
        store.put("k", b"still usable")


class TestThreads:
    def test_concurrent_connects_start_one_thread(self) -> None:
        with ThreadPoolExecutor(8) as threads:
            for store in list(threads.map(explorer.connect, ["memory:"] * 16)):
                store.close()
        assert [thread.name for thread in threading.enumerate()].count("explorer-io") == 1
        assert next(thread for thread in threading.enumerate() if thread.name == "explorer-io").daemon

    def test_many_threads_use_one_store(self, store: BlockingStore) -> None:
        def write(number: int) -> bytes | None:
            store.put(str(number), str(number).encode())
            return store.get(str(number)).value

        with ThreadPoolExecutor(8) as threads:
            assert list(threads.map(write, range(200))) == [b"%d" % number for number in range(200)]

    async def test_calls_work_while_the_callers_loop_runs(self) -> None:
        """A caller with an event loop of its own may use a blocking store."""
        with explorer.connect("memory:") as store:
            assert store.put("k", b"v").value == b"v"

    def test_portal_runs_while_the_caller_is_busy(self, store: BlockingStore) -> None:
        """The entry expires, and the watch has the event, although the caller never waits."""
        with store.watch("k") as events:
            assert isinstance(next(events), Started)
            store.put("k", b"", ttl=0.05)
            busy_until = time.monotonic() + 0.3
            while time.monotonic() < busy_until:
                pass
            assert [type(events.next(timeout=10)) for _ in range(2)] == [Put, Deleted]

    def test_call_on_the_loop_thread_is_refused(self, store: BlockingStore) -> None:
        """A blocking call on the portal's own thread would wait for itself."""

        async def call() -> None:
            store.get("k")

        with pytest.raises(RuntimeError, match="would wait for itself"):
            portal().run(call())
