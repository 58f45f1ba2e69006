"""The verb `watch`: changes of a key and of everything below it."""

import asyncio
import json

import pytest

from explorer.cli import arguments
from explorer.cli.console import Console
from explorer.cli.exit_codes import first_error
from explorer.cli.output import event_line
from explorer.cli.verbs.watch import watch
from explorer.drivers.memory import MemoryStore
from explorer.drivers.memory.database import Database
from explorer.model.address import Access, parse
from explorer.model.entries import Revision
from explorer.model.errors import NotReachable
from explorer.model.events import Resync
from tests.cli.run_command import LINE_TIMEOUT, Run, Running
from tests.servers.waiting import eventually


def watch_options(prefix: str, *, since: Revision | None = None, count: int | None = None) -> arguments.WatchArguments:
    return arguments.WatchArguments(prefix=prefix, since=since, count=count, duration=None)


class Watched:
    """A watch verb in a task of the test, its output, and the store that it watches."""

    def __init__(self, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
        self._capture = capfdbinary
        self._output = b""
        self._error = b""
        database = Database()
        self.store = MemoryStore(parse("memory:"), Access(), database=database)
        self.writer = MemoryStore(parse("memory:"), Access(), database=database)

    async def wait_for(self, task: asyncio.Task[None], count: int) -> list[dict[str, object]]:
        """Wait until so many objects are printed, and return them."""
        await eventually(lambda: self.output().count(b"\n") >= count or task.done(), f"{count} lines", LINE_TIMEOUT)
        return [json.loads(line) for line in self.output().splitlines()]

    def output(self) -> bytes:
        output, error = self._capture.readouterr()
        self._output += output
        self._error += error
        return self._output

    @property
    def error(self) -> str:
        self.output()
        return self._error.decode()


@pytest.fixture
def watched(capfdbinary: pytest.CaptureFixture[bytes]) -> Watched:
    return Watched(capfdbinary)


async def start_watch(
    watched: Watched, options: arguments.WatchArguments, group: asyncio.TaskGroup
) -> asyncio.Task[None]:
    task = group.create_task(watch(watched.store, options, Console(json=True)))
    await eventually(lambda: "watching" in watched.error, "the watch is established", LINE_TIMEOUT)
    return task


async def test_watch_prints_a_key_and_everything_below_it(watched: Watched) -> None:
    async with asyncio.TaskGroup() as group:
        task = await start_watch(watched, watch_options("config/app", count=4), group)
        await watched.writer.put("config/application", b"not this")
        await watched.writer.put("config/app", b"one")
        await watched.writer.put("config/app/name", b"two")
        await watched.writer.put("config/app", b"\xff")
        await watched.writer.delete("config/app/name")
        events = await watched.wait_for(task, 4)
    assert sorted(events, key=lambda event: str(event["revision"])) == [
        {"type": "put", "key": "config/app", "text": "one", "previous_text": None, "revision": 3},
        {"type": "put", "key": "config/app/name", "text": "two", "previous_text": None, "revision": 4},
        {"type": "put", "key": "config/app", "value_base64": "/w==", "previous_text": "one", "revision": 5},
        {"type": "deleted", "key": "config/app/name", "previous_text": "two", "revision": 6},
    ]


async def test_watch_prefix_with_separator_leaves_out_the_key(watched: Watched) -> None:
    async with asyncio.TaskGroup() as group:
        task = await start_watch(watched, watch_options("a/", count=1), group)
        await watched.writer.put("a", b"")
        await watched.writer.put("a/b", b"")
        events = await watched.wait_for(task, 1)
    assert [event["key"] for event in events] == ["a/b"]


async def test_watch_start_is_noted_once_on_stderr(watched: Watched) -> None:
    await watched.writer.put("a", b"")
    async with asyncio.TaskGroup() as group:
        task = await start_watch(watched, watch_options("a"), group)
        task.cancel()
    assert watched.error == "watching from revision 2\n"
    assert watched.output() == b""


async def test_watch_since_a_revision_prints_every_event(watched: Watched) -> None:
    for value in range(5):
        await watched.writer.put("a", str(value).encode())
    async with asyncio.TaskGroup() as group:
        task = await start_watch(watched, watch_options("", since=3, count=3), group)
        events = await watched.wait_for(task, 3)
    assert [event["text"] for event in events] == ["2", "3", "4"]
    assert watched.error == "watching from revision 3\n"


async def test_watch_loss_is_printed_once_for_two_watches(watched: Watched) -> None:
    async with asyncio.TaskGroup() as group:
        task = await start_watch(watched, watch_options("a"), group)
        watched.store.cut()
        await watched.wait_for(task, 1)
        await watched.writer.put("a/b", b"")
        watched.store.mend()
        await watched.wait_for(task, 3)
        await watched.writer.put("a", b"")
        await watched.writer.put("a/c", b"")
        events = await watched.wait_for(task, 5)  # one of each watch, after which neither reports more of the loss
        task.cancel()
    assert sorted(str(event["type"]) for event in events) == ["lost", "put", "put", "put", "restored"]


async def test_watch_resync_is_printed_once_with_inferred_events(watched: Watched) -> None:
    await watched.writer.put("a", b"old")
    async with asyncio.TaskGroup() as group:
        task = await start_watch(watched, watch_options("a"), group)
        watched.store.cut()
        await watched.wait_for(task, 1)
        await watched.writer.put("a", b"unseen")
        await watched.writer.put("a", b"new")
        watched.writer.database.compact(watched.writer.database.revision)
        watched.store.mend()
        events = await watched.wait_for(task, 3)
        task.cancel()
    lost, resync, put = events
    assert lost["type"] == "lost"
    assert (resync["type"], resync["since"], resync["revision"]) == ("resync", 2, 4)
    assert resync["reason"]
    assert (put["type"], put["text"], put["inferred"]) == ("put", "new", True)


async def test_watch_failure_is_raised(watched: Watched) -> None:
    task = asyncio.create_task(watch(watched.store, watch_options("a"), Console(json=True)))
    await eventually(lambda: "watching" in watched.error, "the watch is established", LINE_TIMEOUT)
    await watched.store.close()
    with pytest.raises(ExceptionGroup) as caught:
        await task
    assert isinstance(first_error(caught.value), NotReachable)


def test_watch_duration_exits_0(keyscope: Run) -> None:
    result = keyscope("watch", "memory:", "", "--duration", "0.05")
    assert (result.code, result.output) == (0, b"")


def test_watch_burst_is_complete_up_to_the_count(keyscope: Run, database: Database) -> None:
    for number in range(5000):
        database.put(b"n/%d" % (number % 7), b"%d" % number)
    events = keyscope("watch", "memory:", "", "--since", "1", "--count", "4321", "--json").records
    assert [event["text"] for event in events] == [str(number) for number in range(4321)]


def test_watch_lines_have_key_revision_and_value(keyscope: Run, database: Database) -> None:
    database.put(b"a", b"x" * 200)
    database.put(b"b\n", b"")
    database.delete([b"a"])
    assert keyscope("watch", "memory:", "", "--since", "1", "--count", "3").lines == [
        "put      a  at 2  " + "x" * 100 + "... (200 bytes)",
        "put      b\\n  at 3  (empty)",
        "deleted  a  at 4",
    ]


def test_overview_lists_the_top_level_and_watches() -> None:
    with Running("demo:") as running:
        assert "config/" in running.lines(lambda line: line == "service/")
        assert running.lines(lambda line: line.startswith(("put ", "deleted ")))


@pytest.mark.parametrize(("since", "gap"), [(2, "between 2 and 4"), (None, "up to 4")])
def test_event_line_resync_names_the_gap(since: int | None, gap: str) -> None:
    """A watch that lost history before its first event has no start of the gap."""
    assert event_line(Resync("compacted", since, 4)) == f"resync   {gap} only the differences are known: compacted"
