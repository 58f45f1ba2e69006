"""Editors of one key whose value is its own history, so that each result can be compared with it."""

from collections.abc import Iterator

from explorer.drivers.base import Store
from explorer.model.entries import Entry
from explorer.model.errors import Conflict, ExplorerError, NotReachable, OutcomeUnknown
from tests.faults.save_checker import SaveResult
from tests.scale import PATIENCE
from tests.servers.waiting import eventually


class Editors:
    """Editors who save over each other's changes. Each appends its mark to the value: the value is its own history."""

    def __init__(self) -> None:
        self.results: dict[bytes, SaveResult] = {}
        self.over = False
        self._numbers: Iterator[int] = iter(range(10**9))

    async def edit(self, store: Store) -> None:
        """Read the value, append a mark and save, until it is `over`."""
        while not self.over:
            try:
                entry = await store.get("hot")
            except ExplorerError:
                continue
            mark = str(next(self._numbers)).encode()
            self.results[mark] = await _save(store, entry, (entry.value or b"") + b" " + mark)

    async def progress(self, attempts: int) -> None:
        """Wait until so many more saves were attempted."""
        goal = len(self.results) + attempts
        await eventually(lambda: len(self.results) >= goal, "the editors go on", PATIENCE)

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


async def _save(store: Store, entry: Entry, value: bytes) -> SaveResult:
    try:
        await store.atomic_put("hot", value, entry)
    except Conflict:
        return SaveResult.CONFLICT
    except OutcomeUnknown:
        return SaveResult.UNKNOWN
    except NotReachable:
        return SaveResult.UNSENT
    return SaveResult.SAVED
