"""Editors of keys whose value is its own history, so that each result can be compared with it."""

from collections.abc import Iterator, Sequence

from explorer.drivers.base import Store
from explorer.model.entries import Entry
from explorer.model.errors import Conflict, ExplorerError, NotReachable, OutcomeUnknown
from explorer.model.operations import PutOperation
from tests.faults.save_checker import SaveResult
from tests.scale import PATIENCE
from tests.servers.waiting import eventually


class Editors:
    """Editors who save over each other's changes. Each appends its mark to the value: the value is its own history.

    Args:
        keys: Keys that have the same value, and are saved together; a single one is saved by itself.
    """

    def __init__(self, keys: Sequence[str] = ("hot",)) -> None:
        self.keys = keys
        self.results: dict[bytes, SaveResult] = {}
        self.over = False
        self._numbers: Iterator[int] = iter(range(10**9))

    async def edit(self, store: Store) -> None:
        """Read the value, append a mark and save, until it is `over`."""
        while not self.over:
            try:
                entries = [await store.get(key) for key in self.keys]
            except ExplorerError:
                continue
            mark = str(next(self._numbers)).encode()
            self.results[mark] = await _save(store, entries, (entries[0].value or b"") + b" " + mark)

    async def progress(self, attempts: int) -> None:
        """Wait until so many more saves were attempted."""
        goal = len(self.results) + attempts
        await eventually(lambda: len(self.results) >= goal, "the editors go on", PATIENCE)

    async def reach(self, result: SaveResult, number: int) -> None:
        """Wait until so many saves have had a result: fewer prove nothing."""
        results = self.results.values()
        await eventually(lambda: [*results].count(result) >= number, f"{number} {result.name}", PATIENCE)

    def violations(self, value: bytes) -> list[str]:
        """Return every result that differs from what the value shows."""
        written = value.split()
        found = [f"written twice: {mark!r}" for mark in set(written) if written.count(mark) > 1]
        for mark, result in self.results.items():
            if result is SaveResult.SAVED and mark not in written:
                found.append(f"reported as saved, and lost: {mark!r}")
            if result in (SaveResult.CONFLICT, SaveResult.UNSENT) and mark in written:
                found.append(f"reported as not saved, and saved: {mark!r}")
        return found


async def _save(store: Store, entries: Sequence[Entry], value: bytes) -> SaveResult:
    try:
        if len(entries) == 1:
            await store.atomic_put(entries[0].key, value, entries[0])
        else:
            await store.transact([PutOperation(entry.key, value, entry) for entry in entries])
    except Conflict:
        return SaveResult.CONFLICT
    except OutcomeUnknown:
        return SaveResult.UNKNOWN
    except NotReachable:
        return SaveResult.UNSENT
    return SaveResult.SAVED
