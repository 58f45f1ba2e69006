"""What the suite stands on: two connections to the same data, and the few things that only a driver's tests can do."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import ClassVar, TypeVar

import pytest

from explorer.drivers.base import Store
from explorer.drivers.common.watch import Watch
from explorer.model.capabilities import Capability
from explorer.model.entries import Entry, Revision
from explorer.model.events import Deleted, Event, Put

PATIENCE = 15.0
"""Seconds after which something that should have happened did not; never how long anything is expected to take."""

TTL = 2.0
"""The shortest time to live, in seconds, that every store grants."""

LASTING = 4.0
"""Seconds to live for what has to be there still, or to be renewed, on a machine that stands still for a moment."""

Tested = TypeVar("Tested")


def needs(*capabilities: Capability) -> Callable[[Tested], Tested]:
    """Run a test, or each test of a class, only where all of these are declared.

    A mark on the class itself would be inherited by a class that puts families together, and hold for all their tests.
    """
    mark = pytest.mark.needs(*capabilities)

    def place(target: Tested) -> Tested:
        for name, test in list(vars(target).items()) if isinstance(target, type) else [("test_", target)]:
            if name.startswith("test_"):
                mark(test)
        return target

    return place


def timed(target: Tested) -> Tested:
    """Mark a test, or each test of a class, that lets time pass, which a real store takes in full."""
    for name, test in list(vars(target).items()) if isinstance(target, type) else [("test_", target)]:
        if name.startswith("test_"):
            pytest.mark.timed(test)
    return target


def lacks(capability: Capability) -> pytest.MarkDecorator:
    """Run a test only where this is not declared."""
    return pytest.mark.lacks(capability)


class DriverFixtures:
    """The base of the suite's classes and of a driver's fixtures, which override what raises here."""

    driver: ClassVar[type[Store]]
    """The class under test; its declared capabilities decide which tests are run."""
    run_timed: ClassVar[bool] = True
    """Whether the tests that let time pass are run."""
    leases: ClassVar[bool] = True
    """Whether what expires does so with a lease or session."""

    def connection(self, path: str = "") -> Store:
        """Make one more connection, not yet opened, to `path` (a URL's path, quoted) below this test's own path."""
        raise NotImplementedError  # a driver's fixtures give it

    async def advance(self, seconds: float) -> None:
        """Let time pass for the store; a real store takes the real time."""
        raise NotImplementedError  # a driver's fixtures give it

    async def compact(self, store: Store) -> None:
        """Let the store forget its history before now."""
        raise NotImplementedError  # a driver's fixtures give it

    def stale(self, entry: Entry) -> Revision:
        """Give a revision that the entry does not have."""
        if isinstance(entry.revision, int):
            return entry.revision + 6744
        raise NotImplementedError  # a driver's fixtures give it

    def possible(self, *keys: str) -> list[str]:
        """Give those of the keys that can all have a value at once."""
        if Capability.NESTING in self.driver.capabilities:
            return [*keys]
        return [key for key in keys if not any(other.startswith(f"{key}/") for other in keys)]

    def entries(self, *keys: str) -> list[str]:
        """Give the keys that are there once these are: where directories are a kind of their own, those above, too."""
        found = set(keys)
        if Capability.DIRECTORIES in self.driver.capabilities:
            for key in keys:
                names = key.split("/")
                found |= {"/".join(names[:depth]) for depth in range(1, len(names))}
        return sorted(found)

    @pytest.fixture
    async def store(self) -> AsyncIterator[Store]:
        async with self.connection() as store:
            yield store

    @pytest.fixture
    async def other(self) -> AsyncIterator[Store]:
        async with self.connection() as store:
            yield store

    @pytest.fixture(autouse=True)
    def _declared(self, request: pytest.FixtureRequest) -> None:
        """Skip, by name, what the driver does not declare, and refusals of what it does."""
        declared = self.driver.capabilities
        name = self.driver.__name__
        wanted = [capability for mark in request.node.iter_markers("needs") for capability in mark.args]
        if missing := [str(capability.name) for capability in wanted if capability not in declared]:
            pytest.skip(f"{name}: no {', '.join(sorted(set(missing)))}")
        for mark in request.node.iter_markers("lacks"):
            if mark.args[0] in declared:
                pytest.skip(f"{name}: has {mark.args[0].name}, nothing to refuse")


async def take(events: Watch, count: int) -> list[Event]:
    """Read so many events, whatever they tell."""
    async with asyncio.timeout(PATIENCE):
        return [await anext(events) for _ in range(count)]


async def changes(events: Watch, count: int) -> list[Put | Deleted]:
    """Read events until so many of them are changes, and give these."""
    found: list[Put | Deleted] = []
    async with asyncio.timeout(PATIENCE):
        while len(found) < count:
            event = await anext(events)
            if isinstance(event, Put | Deleted):
                found.append(event)
    return found


def told(events: list[Put | Deleted]) -> list[tuple[str, bytes | None]]:
    """Give what changes are about: keys with their new values, None for a deletion."""
    return [(event.key, event.entry.value if isinstance(event, Put) else None) for event in events]


async def keys_below(store: Store, prefix: str) -> list[str]:
    """Give the keys of a listing, sorted."""
    return sorted([entry.key async for entry in store.walk(prefix, values=False)])


async def fill(store: Store, *keys: str, value: bytes = b"value") -> list[Entry]:
    """Put a value under each key, in order."""
    return [await store.put(key, value) for key in keys]
