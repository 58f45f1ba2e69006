"""Fixtures of the driver contract: two connections to the same data, and the methods that a driver's tests override."""

import asyncio
from collections.abc import AsyncIterator, Callable
from types import MappingProxyType
from typing import ClassVar, Final, TypeVar

import pytest

from explorer.drivers.base import Store
from explorer.drivers.common.watch import Watch
from explorer.model.capabilities import Capability
from explorer.model.entries import Entry, Meta, Revision
from explorer.model.events import Deleted, Event, Put

WAIT_TIMEOUT = 30.0
"""Seconds after which an expected event counts as missing; never how long it is expected to take."""

MIN_TTL = 2.0
"""Shortest time to live, in seconds, that every store grants."""

LONG_TTL = 4.0
"""Time to live, in seconds, for entries and locks that must outlast a short stall of the machine."""

META: Final[Meta] = MappingProxyType(
    {"flags": 2**63 + 42, "acl": r"world:anyone:cdrwa, digest:a\\b\, c@d/e:f=:cr, ip:10.0.0.0/8:w"}
)
"""Metadata of each name that a store can create a key with."""

Tested = TypeVar("Tested")


def needs(*capabilities: Capability) -> Callable[[Tested], Tested]:
    """Run a test, or each test of a class, only where all of these are declared.

    A mark on the class itself would be inherited by `DriverContract`, and hold for the tests of all its classes.
    """
    mark = pytest.mark.needs(*capabilities)

    def mark_tests(target: Tested) -> Tested:
        for name, test in list(vars(target).items()) if isinstance(target, type) else [("test_", target)]:
            if name.startswith("test_"):
                mark(test)
        return target

    return mark_tests


def timed(target: Tested) -> Tested:
    """Mark a test, or each test of a class, that waits for time to pass, which takes as long with a real store."""
    for name, test in list(vars(target).items()) if isinstance(target, type) else [("test_", target)]:
        if name.startswith("test_"):
            pytest.mark.timed(test)
    return target


def lacks(capability: Capability) -> pytest.MarkDecorator:
    """Run a test only where this is not declared."""
    return pytest.mark.lacks(capability)


def settable_meta(store: Store) -> Meta:
    """Return metadata that a key can be created with; empty if the store has none."""
    return {name: META[name] for name in store.settable_meta}


class DriverFixtures:
    """Base of the contract's classes and of a driver's fixtures, which override the methods that raise here."""

    driver: ClassVar[type[Store]]
    """Class under test; its capabilities decide which tests are run."""
    run_timed: ClassVar[bool] = True
    """True if the tests marked `timed` are run."""
    counts_changes: ClassVar[bool] = True
    """True if a watch knows the number of changes that it coalesces."""
    has_leases: ClassVar[bool] = True
    """True if entries expire with a lease or session."""

    has_dot_names: ClassVar[bool] = False
    """True if a store with directories has names such as . and .. that are like any other."""

    def connection(self, path: str = "") -> Store:
        """Return a new store, not yet connected, at `path` (quoted for a URL) below this test's own path."""
        raise NotImplementedError  # a driver's fixtures override it

    async def advance(self, seconds: float) -> None:
        """Advance the clock of the store; with a real store, sleep."""
        raise NotImplementedError  # a driver's fixtures override it

    async def compact(self, store: Store) -> None:
        """Make the store drop its history before now."""
        raise NotImplementedError  # a driver's fixtures override it

    def stale_revision(self, entry: Entry) -> Revision:
        """Return a revision that the entry does not have."""
        if isinstance(entry.revision, int):
            return entry.revision + 6744
        raise NotImplementedError  # a driver's fixtures override it

    def storable_keys(self, *keys: str) -> list[str]:
        """Return the keys that can all have a value at the same time."""
        if Capability.NESTING in self.driver.capabilities:
            return [*keys]
        return [key for key in keys if not any(other.startswith(f"{key}/") for other in keys)]

    def expected_keys(self, *keys: str) -> list[str]:
        """Return the keys that exist once these do: in a store with directories, the directories above them, too."""
        found = set(keys)
        if Capability.DIRECTORIES in self.driver.capabilities:
            for key in keys:
                names = key.split("/")
                found |= {"/".join(names[:depth]) for depth in range(1, len(names))}
        return sorted(found)

    @pytest.fixture
    async def store(self) -> AsyncIterator[Store]:
        """A connection to the path of this test."""
        async with self.connection() as store:
            yield store

    @pytest.fixture
    async def other(self) -> AsyncIterator[Store]:
        """A second connection to the same path."""
        async with self.connection() as store:
            yield store

    @pytest.fixture(autouse=True)
    def _skip_by_capability(self, request: pytest.FixtureRequest) -> None:
        """Skip tests of capabilities that the driver lacks, and tests of refusals for those that it has."""
        declared = self.driver.capabilities
        name = self.driver.__name__
        needed = [capability for mark in request.node.iter_markers("needs") for capability in mark.args]
        if missing := [str(capability.name) for capability in needed if capability not in declared]:
            pytest.skip(f"{name}: no {', '.join(sorted(set(missing)))}")
        for mark in request.node.iter_markers("lacks"):
            if mark.args[0] in declared:
                pytest.skip(f"{name}: has {mark.args[0].name}, nothing to refuse")


async def take_events(events: Watch, count: int) -> list[Event]:
    """Return the next `count` events of any kind."""
    async with asyncio.timeout(WAIT_TIMEOUT):
        return [await anext(events) for _ in range(count)]


async def take_changes(events: Watch, count: int) -> list[Put | Deleted]:
    """Return the next `count` changes; events of other kinds are dropped."""
    found: list[Put | Deleted] = []
    async with asyncio.timeout(WAIT_TIMEOUT):
        while len(found) < count:
            event = await anext(events)
            if isinstance(event, Put | Deleted):
                found.append(event)
    return found


def keys_and_values(events: list[Put | Deleted]) -> list[tuple[str, bytes | None]]:
    """Return the key of each change with its new value, None for a deletion."""
    return [(event.key, event.entry.value if isinstance(event, Put) else None) for event in events]


async def keys_below(store: Store, prefix: str) -> list[str]:
    """Return the keys below a prefix, sorted."""
    return sorted([entry.key async for entry in store.walk(prefix, values=False)])


async def put_all(store: Store, *keys: str, value: bytes = b"value") -> list[Entry]:
    """Put a value under each key, in order."""
    return [await store.put(key, value) for key in keys]
