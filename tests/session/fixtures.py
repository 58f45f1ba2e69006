"""Fixtures of the session's tests: memory stores that share a keyspace, and a clock that tests move."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from explorer.codecs.codecs import Codecs
from explorer.drivers.base import Store
from explorer.drivers.memory import Database, ManualClock, MemoryStore
from explorer.model.address import parse
from explorer.model.clock import SystemClock, Timer
from explorer.model.errors import ExplorerError
from explorer.session.detail import LoadedValue
from explorer.session.editing.edit import Edit
from explorer.session.editing.edit_states import Reviewing, State, Unknown
from explorer.session.session import Session
from explorer.session.states import LivenessStatus
from tests.servers.waiting import eventually

PATIENCE = 30.0
"""Seconds after which something that should have happened did not."""


class SteppedClock(SystemClock):
    """A clock that stands until it is moved. Asleep, time passes and nothing wakes anybody, as on a closed laptop."""

    def __init__(self) -> None:
        self.awake = ManualClock()
        self.slept = 0.0

    def now(self) -> float:
        return self.awake.now() + self.slept

    def suspended(self) -> float:
        return self.slept

    def wall(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.now())

    def call_at(self, moment: float, act: Callable[[], None]) -> Timer:
        return self.awake.call_at(moment - self.slept, act)

    async def advance(self, seconds: float) -> None:
        await self.awake.advance(seconds)


class Place:
    """A keyspace and every connection that a session made to it; a door that can be shut."""

    def __init__(self, clock: SteppedClock | None = None) -> None:
        self.clock = clock
        self.keyspace = Database(clock.awake if clock else None)
        self.stores: list[CuttableStore] = []
        self.refusal: ExplorerError | None = None
        """Error with which opening a connection fails."""
        self.down: str | None = None
        """Why new connections are cut from the start."""

    def connect(self) -> Store:
        store = CuttableStore(self)
        self.stores.append(store)
        return store

    def cut(self, reason: str = "the connection was cut") -> None:
        """Break every connection there is and those to come."""
        self.down = reason
        for store in self.stores:
            store.cut(reason)

    def mend(self) -> None:
        self.down = None
        for store in self.stores:
            store.mend()

    @asynccontextmanager
    async def other(self) -> AsyncGenerator[MemoryStore, None]:
        """Somebody else."""
        async with MemoryStore(parse("memory:"), database=self.keyspace) as store:
            yield store


class CuttableStore(MemoryStore):
    """A memory store that may refuse to be opened, which within a process nothing else could provoke."""

    def __init__(self, place: Place) -> None:
        super().__init__(parse("memory:"), database=place.keyspace)
        self.place = place

    async def connect(self) -> None:
        if self.place.refusal is not None:
            raise self.place.refusal
        self.connection.down_reason = self.connection.down_reason or self.place.down
        await super().connect()


@asynccontextmanager
async def opened(
    place: Place, *, writable: bool = True, drafts: Path | None = None, codecs: Codecs | None = None
) -> AsyncGenerator[Session, None]:
    """A session that has read what it shows."""
    async with Session(
        place.connect, codecs or Codecs(), writable=writable, drafts=drafts, clock=place.clock
    ) as session:
        await live(session)
        yield session


async def live(session: Session) -> None:
    """Wait until a session is live and everything that it was asked for is done."""
    await asyncio.wait_for(session.idle(), PATIENCE)
    await eventually(lambda: session.liveness.status is LivenessStatus.LIVE, "it is live", PATIENCE)
    await asyncio.wait_for(session.idle(), PATIENCE)


async def wait_for_value(look: Callable[[], object], wanted: object) -> None:
    """Wait until what is looked at is what it should be."""
    with suppress(TimeoutError):
        await eventually(lambda: look() == wanted, f"{wanted}", PATIENCE)
    assert look() == wanted


async def shown(session: Session, key: str) -> LoadedValue:
    """Select a key and give its value as it is shown."""
    session.select(key)
    await session.idle()
    reading = session.detail.loaded
    assert reading is not None
    return reading


async def editing(session: Session, key: str) -> Edit:
    """Select a key and open an edit of it."""
    await shown(session, key)
    return session.edit()


@asynccontextmanager
async def open_edit(
    place: Place, value: bytes, text: str | None = None, *, drafts: Path | None = None
) -> AsyncGenerator[tuple[Edit, Session, MemoryStore], None]:
    """Store a value as `key` and edit it; yield the edit, its session, and the store of another client."""
    async with place.other() as other, opened(place, drafts=drafts) as session:
        await other.put("key", value)
        edit = await editing(session, "key")
        if text is not None:
            edit.set_text(text)
        yield edit, session, other


async def save(edit: Edit) -> State:
    """Review an edit and save what was reviewed, or send a save of unknown outcome again; return the new state."""
    if not isinstance(edit.state, Reviewing | Unknown):
        await edit.save()
    if isinstance(edit.state, Reviewing | Unknown):
        await edit.save()
    return edit.state


def edit_state(session: Session) -> State:
    """Return the state of the open edit."""
    assert session.current_edit is not None
    return session.current_edit.state
