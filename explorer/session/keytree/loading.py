"""Levels read in pages, taken in by slices, read again after a gap, and folders verified that may be empty."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Final, Protocol

from explorer.model.entries import Child, Cursor, Page
from explorer.model.errors import Compacted, ExplorerError, KeyNotFound
from explorer.session.internal_errors import as_failure
from explorer.session.keytree.keyrows import KeyRows
from explorer.session.keytree.marks import budget
from explorer.session.keytree.nodes import Level, Node, first_key

PAGE: Final = 1000
"""Children asked for at once."""
SLICE: Final = 0.004
"""Seconds of taking a page in after which others have their turn."""
READERS: Final = 3
"""Levels read at the same time."""
CHECKERS: Final = 4
"""Folders verified at the same time."""
GATHERED: Final = 1 / 30
"""Seconds for which doubts are gathered, so that a folder is verified once and not for each event."""
CONFIRMED: Final = 2.0
"""Seconds after which a level is read once more, longer than a store needs to look for changes."""
_ATTEMPTS: Final = 3
_ROUND: Final = 16


class Load(Protocol):
    """How a page of children is read: `Store.children`."""

    async def __call__(self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE) -> Page[Child]:
        """Read a page of the next level below a prefix."""


class Loading:
    """Reads levels for a tree. What is asked for is read by `run`, which never ends by itself.

    Args:
        load: How a page is read. It gives children in the order of the bytes of their first key.
        rows: Where they are taken in.
        repeat: Called with a node and its level when a page is in, to apply again what was noted meanwhile.
        told: Called when something changed.
        gathered: Seconds for which doubts are gathered.
        unsure: Whether the store keeps quiet about a key that came and went between two looks for changes. If such a
            one was read in between, nothing would ever take it away; so what was read is compared once more.
    """

    def __init__(
        self,
        load: Load,
        rows: KeyRows,
        repeat: Callable[[Node, Level], None],
        told: Callable[[], None],
        gathered: float = GATHERED,
        *,
        unsure: Callable[[], bool] = lambda: False,
    ) -> None:
        self._load = load
        self._rows = rows
        self._repeat = repeat
        self._told = told
        self._gathered = gathered
        self._asked: asyncio.Queue[tuple[Node, Level]] = asyncio.Queue()
        self._open = 0
        self._doubts: dict[Node, int] = {}
        self._doubted = asyncio.Event()
        self._progress = asyncio.Event()
        self._unsure = unsure
        self._unconfirmed: OrderedDict[Node, tuple[Level, float]] = OrderedDict()
        self._was_read = asyncio.Event()

    @property
    def busy(self) -> bool:
        """Whether anything that was asked for is not done."""
        return bool(self._open or self._doubts)

    async def progress(self) -> None:
        """Wait until something that was asked for is done."""
        self._progress.clear()
        await self._progress.wait()

    # Asking

    def more(self, node: Node) -> None:
        """Read the next page of a level, or the first."""
        if node.branch is not None:
            node.branch.wanted = True
            self._ask(node, node.branch)

    def again(self, node: Node) -> None:
        """Read a level again as far as it was read, and compare."""
        if node.branch is not None:
            node.branch.stale = True
            self._ask(node, node.branch)

    def doubt(self, node: Node) -> None:
        """Find out, soon, whether anything is left below a node."""
        self._doubts[node] = self._doubts.get(node, 0) + 1
        self._doubted.set()

    def touch(self, node: Node) -> None:
        """Take note that something happened below a node; an answer that is under way may be older."""
        if node in self._doubts:
            self._doubts[node] += 1

    def _ask(self, node: Node, level: Level) -> None:
        level.error = None
        if not level.working:
            level.working = True
            self._open += 1
            self._asked.put_nowait((node, level))
        self._rows.finish(node)

    # Loading

    async def run(self) -> None:
        """Read what is asked for, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(READERS):
                group.create_task(self._serve(), name="tree: read levels")
            group.create_task(self._verify(), name="tree: verify folders")
            group.create_task(self._confirm(), name="tree: confirm levels")

    async def _serve(self) -> None:
        while True:
            node, level = await self._asked.get()
            try:
                while self._current(node, level) and (level.stale or level.wanted) and level.error is None:
                    await self._read(node, level)
                    self._told()
            finally:
                level.working = False
                self._open -= 1
                self._progress.set()
            if self._current(node, level):
                self._rows.finish(node)
            self._told()

    async def _read(self, node: Node, level: Level) -> None:
        fresh = level.edge is None and not level.complete
        compared, surprises = level.stale and not fresh, self._rows.surprises
        try:
            if compared:
                await self._compare(node, level)
            else:
                level.wanted = level.stale = False
                await self._go_on(node, level)
        except ExplorerError as error:
            level.error = error
        except Exception as error:
            level.error = as_failure(error)
            raise
        if self._current(node, level):
            self._repeat(node, level)
            if level.complete and not level.living and node is not self._rows.root:
                self.doubt(node)
            if self._unsure() and (not compared or self._rows.surprises > surprises):
                self._unconfirmed[node] = level, time.monotonic()
                self._unconfirmed.move_to_end(node)
                self._was_read.set()

    async def _confirm(self) -> None:
        """Compare levels once more some time after they were read, until nothing is found that was not told."""
        while True:
            await self._was_read.wait()
            while self._unconfirmed:
                node, read = next(iter(self._unconfirmed.items()))
                level, moment = read
                await asyncio.sleep(max(0.0, moment + CONFIRMED - time.monotonic()))
                if self._unconfirmed.get(node) == read:
                    del self._unconfirmed[node]
                    if self._current(node, level):
                        self.again(node)
            self._was_read.clear()

    def _current(self, node: Node, level: Level) -> bool:
        return node.branch is level and self._rows.holds(node)

    async def _page(self, prefix: str, after: Cursor | str | None, limit: int = PAGE) -> Page[Child]:
        try:
            return await self._load(prefix, after=after, limit=limit)
        except KeyNotFound:
            return Page((), None, None)

    async def _go_on(self, node: Node, level: Level) -> None:
        """Read the next page: as it is now, because what happened behind the last one since then was not kept."""
        if level.complete:
            return
        prefix, behind = self._rows.prefix(node), level.resumed()
        after: Cursor | str | None = None if behind is None else prefix + behind
        while True:
            page = await self._page(prefix, after)
            if not await self._take(node, level, page.items, marking=False):
                return
            if page.next is None or (page.items and self._beyond(level, page.items[-1])):
                break
            after = page.next
        self._reach(level, page.items)
        level.complete = page.next is None

    async def _compare(self, node: Node, level: Level) -> None:
        """Read a level from its beginning as far as it was read, mark what differs, let go what is gone."""
        for attempt in range(_ATTEMPTS):
            try:
                await self._compare_once(node, level)
            except Compacted:
                if attempt == _ATTEMPTS - 1:
                    raise
            else:
                return

    async def _compare_once(self, node: Node, level: Level) -> None:
        level.stale = False
        try:
            await self._walk(node, level, _unsee)
            prefix, after, position = self._rows.prefix(node), None, b""
            while True:
                page = await self._page(prefix, after)
                if not await self._take(node, level, page.items, marking=True):
                    return
                last = page.items[-1] if page.items else None
                if last is not None:
                    position = first_key(last.name, self._rows.separator, has_value=last.has_value)
                after = page.next
                if after is None or (not level.complete and level.edge is not None and position >= level.edge):
                    break
                await self._let_others()  # a store that answers at once would never let them
            await self._walk(node, level, self._let_go)
        except ExplorerError:
            level.stale = True
            raise
        self._reach(level, page.items)
        level.complete = level.complete or after is None

    def _beyond(self, level: Level, child: Child) -> bool:
        """Tell whether a child lies behind what was read of its level."""
        first = first_key(child.name, self._rows.separator, has_value=child.has_value)
        return level.edge is None or first > level.edge

    def _reach(self, level: Level, items: tuple[Child, ...]) -> None:
        if items:
            level.reach(items[-1].name, self._rows.separator, has_value=items[-1].has_value)

    async def _take(self, node: Node, level: Level, items: tuple[Child, ...], *, marking: bool) -> bool:
        """Take a page in; tell whether the level is still there."""
        until = budget(SLICE)
        for number, child in enumerate(items):
            if number % _ROUND == 0 and (number == 0 or until()):
                if number:
                    await self._let_others()
                if not self._current(node, level):
                    return False
                until = budget(SLICE)
            self._rows.meet(node, child, marking=marking)
        return self._current(node, level)

    async def _walk(self, node: Node, level: Level, act: Callable[[Node], None]) -> None:
        """Do something with every child, in slices, whatever else happens to them meanwhile."""
        name: str | None = None
        until = budget(SLICE)
        while self._current(node, level) and (block := level.behind(name)) is not None:
            name = block[-1].name
            for child in tuple(block):
                act(child)
            if until():
                await self._let_others()
                until = budget(SLICE)

    def _let_go(self, child: Node) -> None:
        if not child.seen:
            self._rows.surprises += not child.ghost
            self._rows.fade(child)

    async def _let_others(self) -> None:
        self._told()
        await asyncio.sleep(0)

    # Verifying

    async def _verify(self) -> None:
        while True:
            await self._doubted.wait()
            await asyncio.sleep(self._gathered)
            self._doubted.clear()
            batch = iter(list(self._doubts))
            async with asyncio.TaskGroup() as group:
                for _ in range(min(CHECKERS, len(self._doubts))):
                    group.create_task(self._check_all(batch), name="tree: verify a folder")

    async def _check_all(self, batch: Iterator[Node]) -> None:
        for node in batch:
            version = self._doubts[node]
            try:
                await self._check(node, version)
            except ExplorerError:
                version = self._doubts[node]  # what cannot be read remains as it is, until all is read again
            if self._doubts[node] == version:
                del self._doubts[node]
            else:
                self._doubted.set()
            self._progress.set()
            self._told()

    async def _check(self, node: Node, version: int) -> None:
        if not self._rows.holds(node) or node.ghost:
            return
        page = await self._page(self._rows.prefix(node), None, 1)
        if self._doubts[node] != version or not self._rows.holds(node) or node.ghost:
            return
        level = node.branch
        if not page.items and page.next is None:
            self._rows.empty(node)
        elif level is not None and not level.living and not level.working:
            self.again(node)


def _unsee(child: Node) -> None:
    child.seen = False
