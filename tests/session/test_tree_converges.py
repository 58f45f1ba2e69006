"""Whatever happens between a store and a tree, in whatever order pages and events arrive: in the end they agree."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from explorer.model.errors import ExplorerError, NotReachable
from explorer.model.keys import first_key
from explorer.session.connection.coalescer import EventCoalescer
from explorer.session.keytree.filter import TreeFilter
from explorer.session.keytree.nodes import LevelState, Node
from explorer.session.keytree.tree import Tree
from tests.scale import examples
from tests.session.fake_store import Store, children

_NUMBERS = st.integers(0, 10_000)
_NAMES = ["", "a", "a-b", "a0", "b", "c", "c05", "c230", "c231", "d"]
_KEYS = st.lists(st.sampled_from(_NAMES), min_size=1, max_size=4).map("/".join)


class TreeAgainstItsStore(RuleBasedStateMachine):
    """A tree, a store that changes, and a watch that tells it late."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.store = Store(held=True)
        self.fold = EventCoalescer()
        self.loop = asyncio.new_event_loop()
        self.tree = Tree(self.store.load, self.store.load_before, clock=lambda: self.now, verify_delay=0)
        self.filter: str | None = None
        self.check_failed = False
        self.running = self.loop.create_task(self.tree.run())
        self.others: list[asyncio.Task[None]] = []
        self._turn()

    def teardown(self) -> None:
        try:
            self._agree()
        finally:
            for task in (self.running, *self.others):
                task.cancel()
            self.loop.run_until_complete(asyncio.gather(self.running, *self.others, return_exceptions=True))
            self.loop.close()

    def _turn(self, turns: int = 12) -> None:
        async def turn() -> None:
            for _ in range(turns):
                await asyncio.sleep(0)

        self.loop.run_until_complete(turn())
        assert not self.running.done(), self.running

    def _nodes(self) -> list[Node]:
        return [line.row for line in self.tree.rows.window(0, len(self.tree.rows)) if not line.row.is_more_row]

    def _some(self, number: int) -> Node | None:
        nodes = self._nodes()
        return nodes[number % len(nodes)] if nodes else None

    @initialize(
        keys=st.lists(_KEYS, max_size=25),
        wide=st.sampled_from([None, "", "a/"]),
        page=st.integers(1, 3),
        opened=st.integers(0, 3),
    )
    def begin(self, keys: list[str], wide: str | None, page: int, opened: int) -> None:
        self.store.page = page
        for key in [*keys, *(wide + name for name in _NAMES if wide is not None)]:
            self.store.put(key)
        for _ in range(opened):
            self._settle()
            for node in self._nodes():
                self.tree.expand(node)
        self.store.held = True

    # The store

    @rule(keys=st.lists(_KEYS, min_size=1, max_size=4))
    def put(self, keys: list[str]) -> None:
        for key in keys:
            self.store.put(key)

    @rule(number=_NUMBERS, many=st.integers(1, 4))
    def delete(self, number: int, many: int) -> None:
        for key in [*sorted(self.store.keys)][number % (len(self.store.keys) or 1) :][:many]:
            self.store.delete(key)

    @rule(prefix=_KEYS)
    def delete_tree(self, prefix: str) -> None:
        for key in [key for key in self.store.keys if key.startswith(prefix)]:
            self.store.delete(key)

    @rule()
    def compact(self) -> None:
        self.store.compacted = self.store.revision

    # What arrives

    @rule(many=st.integers(1, 6))
    def apply_events(self, many: int) -> None:
        events, self.store.events = self.store.events[:many], self.store.events[many:]
        for event in events:
            self.fold.add(event)
        self.tree.event_applier.apply(self.fold.drain(0.01))
        self._turn()

    @rule(number=_NUMBERS)
    def read(self, number: int) -> None:
        waiting = [request for request in self.store.requests if request.answer is None]
        if waiting:
            self.store.read(waiting[number % len(waiting)])

    @rule(number=_NUMBERS)
    def arrive(self, number: int) -> None:
        ready = [request for request in self.store.requests if request.answer is not None]
        if ready:
            self.store.arrive(ready[number % len(ready)])
        self._turn()

    @rule(number=_NUMBERS)
    def fail(self, number: int) -> None:
        if self.store.requests:
            request = self.store.requests[number % len(self.store.requests)]
            request.answer = NotReachable("gone for a moment")
            self.check_failed |= request.limit == 1
            self.store.arrive(request)
        self._turn()

    @rule(
        number=_NUMBERS,
        names=st.lists(_KEYS, min_size=1, max_size=2),
        order=st.permutations(["read", "change", "tell", "change", "tell"]),
    )
    def race(self, number: int, names: list[str], order: list[str]) -> None:
        """Change what is being read, before it is read or after, and tell that before the page arrives or after."""
        if not self.store.requests:
            return
        request = self.store.requests[number % len(self.store.requests)]
        for act in order:
            if act == "read" and request.answer is None:
                self.store.read(request)
            elif act == "change":
                for name in names:
                    key = request.prefix + name
                    if key in self.store.keys:
                        self.store.delete(key)
                    else:
                        self.store.put(key)
            elif act == "tell":
                self.apply_events(len(self.store.events))
        if request.answer is not None and request in self.store.requests:
            self.store.arrive(request)
        self._turn()

    # The person

    @rule(number=_NUMBERS)
    def toggle(self, number: int) -> None:
        if (node := self._some(number)) is not None:
            self.tree.toggle(node)
        self._turn()

    @rule(number=_NUMBERS)
    def collapse_unread(self, number: int) -> None:
        """Collapse a folder whose first page is under way."""
        nodes = [node for node in self.tree.rows.levels() if node.branch is not None and node.branch.is_loading]
        if nodes:
            self.tree.collapse(nodes[number % len(nodes)])
        self._turn()

    @rule(number=_NUMBERS)
    def expand(self, number: int) -> None:
        if (node := self._some(number)) is not None:
            self.tree.expand(node)
        self._turn()

    @rule(number=_NUMBERS)
    def more(self, number: int) -> None:
        self.tree.load_more(self._some(number) or self.tree.rows.root)
        self.tree.load_more(self.tree.rows.root)
        self._turn()

    @rule(number=_NUMBERS, bottom=st.booleans())
    def previous(self, number: int, *, bottom: bool) -> None:
        """Read before what lies behind a gap, or the end of a level."""
        lines = [line.row for line in self.tree.rows.window(0, len(self.tree.rows)) if line.row.is_more_row]
        if lines:
            self.tree.load_previous(lines[-1] if bottom else lines[number % len(lines)])
        self._turn()

    @rule(number=_NUMBERS)
    def on(self, number: int) -> None:
        """Read on behind what lies before a gap."""
        lines = [line.row for line in self.tree.rows.window(0, len(self.tree.rows)) if line.row.is_more_row]
        if lines:
            self.tree.load_more(lines[number % len(lines)])
        self._turn()

    @rule(key=_KEYS)
    def reveal(self, key: str) -> None:
        """Go to a key, be it there or not."""

        async def reveal() -> None:
            await self.tree.reveal(key)

        self.others.append(self.loop.create_task(_tried(reveal)))
        self._turn()

    @rule(number=_NUMBERS)
    def reload(self, number: int) -> None:
        self.tree.reload(self._some(number) or self.tree.rows.root)
        self._turn()

    @rule()
    def resync(self) -> None:
        self.others.append(self.loop.create_task(_tried(self.tree.resync)))
        self._turn()

    @rule(text=st.sampled_from([None, "a", "!a", "*b", "a/*", "zz"]))
    def sift(self, text: str | None) -> None:
        self.filter = text
        self.tree.filter.set(text, self._some(0))
        self._turn()

    @rule(seconds=st.sampled_from([1.0, 4.0, 31.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.tree.sweep(self.now)

    # What must hold

    @invariant()
    def rows_are_numbered_without_a_gap(self) -> None:
        lines = [line.row for line in self.tree.rows.window(0, len(self.tree.rows))]
        assert len(lines) == len(self.tree.rows)
        assert [self.tree.rows.row_of(row) for row in lines] == list(range(len(lines)))

    @invariant()
    def gaps_have_rows(self) -> None:
        """Each gap between what was read has one row, and so has the end of a level unless it is known."""
        for node in self.tree.rows.levels():
            level = node.branch
            assert level is not None
            if not level.is_loading:
                assert {child.name for child in level if child.is_more_row} == {run.gap for run in level.runs[:-1]}
                assert level.gaps.keys() == {run.gap for run in level.runs[:-1]}
                assert all(one.end is not None and one.end < two.start for one, two in pairwise(level.runs))
                assert (level.more_row is None) is (level.error is None and level.runs[-1].end is None)

    @invariant()
    def tallies_are_right(self) -> None:
        known = [child for node in self.tree.rows.levels() for child in node.branch or () if not child.is_more_row]
        assert self.tree.rows.loaded == len(known)
        assert self.tree.rows.matching == sum(child.kept for child in known)
        for node in self.tree.rows.levels():
            assert node.branch is not None
            assert node.branch.live_count == sum(not (child.tombstone or child.is_more_row) for child in node.branch)

    def _settle(self) -> None:
        self.store.held = False
        for _ in range(200):
            for request in list(self.store.requests):
                if request.answer is None:
                    self.store.read(request)
                self.store.arrive(request)
            for event in self.store.take_events():
                self.fold.add(event)
            self.tree.event_applier.apply(self.fold.drain(1))
            self._turn()
            failed = [node for node in self.tree.rows.levels() if node.load_state is LevelState.FAILED]
            for node in failed:
                self.tree.reload(node)
            if not (failed or self.tree.is_busy):
                break
        else:
            message = "the tree never came to rest"
            raise AssertionError(message)
        self.now += 31
        while self.tree.sweep(self.now):
            pass

    def _agree(self) -> None:
        self._settle()
        for task in self.others:
            if task.done():
                task.result()
        self._compare(strict=not self.check_failed)
        # a folder that could not be verified is verified by reading again
        self.loop.run_until_complete(asyncio.wait_for(self.tree.resync(), 5))
        self._settle()
        self._compare()
        self._compare_filter()
        self.tree.filter.set(None)
        for _ in range(100):
            self._settle()
            partial = [node for node in self.tree.rows.levels() if node.load_state is LevelState.PARTIAL]
            closed = [node for node in self._nodes() if node.has_children and not node.expanded]
            for node in partial:
                self.tree.load_more(node)
                if node.branch is not None and node.branch.more_row is not None:
                    self.tree.load_previous(node.branch.more_row)
            for node in closed:
                self.tree.expand(node)
            if not (partial or closed):
                break
        self._compare()
        values = {self.tree.rows.key(node) for node in self._nodes() if node.has_value}
        assert values == set(self.store.keys)

    def _compare(self, *, strict: bool = True) -> None:
        """Compare with what the store would list, level by level."""
        for node in list(self.tree.rows.levels()):
            level = node.branch
            assert level is not None
            listed = {child.name: child for child in children(set(self.store.keys), self.tree.rows.prefix(node))}
            for child in level:
                if child.is_more_row:
                    continue
                there = listed.get(child.name)
                if there is None or not strict:
                    assert not strict, f"{self.tree.rows.key(child)!r} is not in the store"
                    continue
                assert child.has_value is there.has_value, self.tree.rows.key(child)
                assert child.has_children is there.has_children, self.tree.rows.key(child)
            for child_there in listed.values():
                reached = level.holds(first_key(child_there.name, "/", has_value=child_there.has_value))
                assert not reached or level.find(child_there.name) is not None, f"{child_there.key!r} is missing"

    def _compare_filter(self) -> None:
        """Compare what is shown with what the filter means."""
        if self.filter is None:
            assert self.tree.filter.progress is None
            return
        test = TreeFilter(self.filter).test("/")
        known = [
            (node, child) for node in self.tree.rows.levels() for child in node.branch or () if not child.is_more_row
        ]
        bare = self.tree.rows.unfiltered
        matching = {child for node, child in known if node in bare or test(self.tree.rows.prefix(node), child.name)}
        findings = self.tree.filter.progress
        assert findings is not None
        assert findings.done
        assert (findings.matching, findings.loaded) == (len(matching), len(known))
        shown = set(self._nodes())
        around: set[Node] = set()
        for child in matching:
            up: Node | None = child
            while up is not None:
                around.add(up)
                up = up.parent
        assert shown <= around


async def _tried(act: Callable[[], Awaitable[None]]) -> None:
    try:
        await act()
    except ExplorerError:
        return


@pytest.mark.heavy
def test_tree_converges_to_its_store() -> None:
    run_state_machine_as_test(
        TreeAgainstItsStore, settings=settings(max_examples=examples(300, 10_000), stateful_step_count=40)
    )
