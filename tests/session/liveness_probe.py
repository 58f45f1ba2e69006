"""Somebody who looks at a session's liveness as a view would, and every few milliseconds between: a flash is seen."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from explorer.codecs.codecs import Codecs
from explorer.drivers.base import Store
from explorer.opener import opener
from explorer.session.keytree.nodes import LevelState, Node
from explorer.session.keytree.tree import Tree
from explorer.session.session import Session
from explorer.session.states import Liveness, LivenessStatus
from tests.scale import PATIENCE
from tests.servers.waiting import eventually
from tests.session.fixtures import live

SHOWN_WITHIN: Final = 5.0
"""Seconds from the loss of the store until it is shown as stale."""
_NOT_KNOWN: Final = {LivenessStatus.STALE, LivenessStatus.DISCONNECTED}
"""Statuses without a live connection; DISCONNECTED when no connection can be made."""
_STALL: Final = 0.1
"""Seconds between two looks from which on this process stood still, the session in it too."""
_LONG: Final = 6
"""Seconds after which a session that has been stale all the time is believed to stay so."""


@dataclass(slots=True)
class LivenessProbe:
    """Looks at a session's liveness all the time."""

    session: Session
    seen: list[tuple[float, Liveness]] = field(default_factory=list)

    async def look(self) -> None:
        while True:
            self.seen.append((time.monotonic(), self.session.liveness))
            await asyncio.sleep(0.005)

    def since(self, moment: float) -> float:
        """Return the seconds since a moment, without those in which this process stood still."""
        now = time.monotonic()
        looks = [moment, *(look for look, _ in self.seen if look > moment), now]
        gaps = (after - before for before, after in pairwise(looks))
        return now - moment - sum(gap for gap in gaps if gap > _STALL)


@asynccontextmanager
async def probed(store: str | Callable[[], Store]) -> AsyncGenerator[tuple[Session, LivenessProbe], None]:
    """Open a session that may write, with somebody who looks at it."""
    connect = opener(store) if isinstance(store, str) else store
    async with Session(connect, Codecs(), writable=True) as session:
        await live(session)
        probe = LivenessProbe(session)
        async with asyncio.TaskGroup() as group:
            looking = group.create_task(probe.look())
            yield session, probe
            looking.cancel()


async def stale_in_time(probe: LivenessProbe, lost: float) -> float:
    """Wait until the session is stale, and see that it happened in time; give the seconds it took.

    The moment of the loss is when the fault was in effect: before, the store may still prove that it lives.
    """
    session = probe.session
    await eventually(lambda: session.liveness.status in _NOT_KNOWN, "it is stale", PATIENCE)
    took = probe.since(lost)
    assert took <= SHOWN_WITHIN
    return took


async def falls_stale(probe: LivenessProbe, lost: float) -> float:
    """Wait until the session is stale, and see that it happened in time and stays; give the seconds it took."""
    session = probe.session
    took = await stale_in_time(probe, lost)
    begun = len(probe.seen)
    now = session.clock.now
    await eventually(lambda: (session.liveness.age(now()) or 0) > _LONG, "it has long been stale", PATIENCE)
    assert {liveness.status for _, liveness in probe.seen[begun:]} <= _NOT_KNOWN
    return took


async def comes_back(
    probe: LivenessProbe, write: Callable[[str], Awaitable[object]], mend: Callable[[], object]
) -> None:
    """Write a new key behind the fault's back, mend it, and see that it is not live before that key is shown."""
    session = probe.session
    key = f"after-{len(session.tree.rows)}"
    await write(key)
    flashes = list[bool]()

    def look(_: object) -> None:
        if session.liveness.status is LivenessStatus.LIVE:
            flashes.append(session.tree.node(key) is None)

    end = session.subscribe(look)
    mend()
    await eventually(lambda: session.liveness.status is LivenessStatus.LIVE, "it is live again", PATIENCE)
    await live(session)
    end()
    await eventually(lambda: session.tree.node(key) is not None, "the change is shown", PATIENCE)
    assert not any(flashes), "it was live before what happened meanwhile was shown"


def nodes(tree: Tree) -> list[Node]:
    """Return the visible nodes of a tree."""
    return [line.row for line in tree.rows.window(0, len(tree.rows)) if not line.row.is_more_row]


async def open_all(tree: Tree) -> None:
    """Open every folder, and read every level to its end."""
    while True:
        await tree.idle()
        shown = nodes(tree)
        closed = [node for node in shown if node.has_children and not node.expanded]
        partial = [node for node in (tree.rows.root, *shown) if node.load_state is LevelState.PARTIAL]
        if not (closed or partial):
            return
        for node in closed:
            tree.expand(node)
        for node in partial:
            tree.load_more(node)


async def differs(tree: Tree, store: Store) -> tuple[list[str], list[str]]:
    """Compare a tree, all folders open, with a fresh reading of the store: what is too much, what is missing."""
    shown = {tree.rows.key(node) for node in nodes(tree) if node.has_value and not node.tombstone}
    found = {entry.key async for entry in store.walk("", values=False)}
    return sorted(shown - found), sorted(found - shown)


async def becomes(tree: Tree, store: Store) -> None:
    """Wait until a tree with all folders open is what a fresh reading of the store finds."""
    difference: tuple[list[str], list[str]] = [], []

    async def none() -> bool:
        nonlocal difference
        await open_all(tree)
        difference = await differs(tree, store)
        return difference == ([], [])

    try:
        await eventually(none, "the tree equals the store", PATIENCE)
    except TimeoutError as error:
        raise AssertionError(f"shown and not there: {difference[0]}; there and not shown: {difference[1]}") from error
