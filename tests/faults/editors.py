"""Editors of one key, and what they were told, judged by the value, which is its own history."""

from collections.abc import Iterator

from explorer.drivers.base import Store
from explorer.model.entries import Entry
from explorer.model.errors import Conflict, ExplorerError, NotReachable, OutcomeUnknown
from tests.faults.save_checker import SaveResult


class Editors:
    """Editors who save over each other's changes. Each appends its mark to the value: the value is its own history."""

    def __init__(self) -> None:
        self.told: dict[bytes, SaveResult] = {}
        self.numbers: Iterator[int] = iter(range(10**9))
        self.over = False

    async def edit(self, store: Store) -> None:
        while not self.over:
            try:
                entry = await store.get("hot")
            except ExplorerError:
                continue
            mark = str(next(self.numbers)).encode()
            self.told[mark] = await _save(store, entry, (entry.value or b"") + b" " + mark)

    def misjudged(self, value: bytes) -> list[str]:
        """Compare what was told with what the value says that happened."""
        written = value.split()
        found = [f"written twice: {mark!r}" for mark in set(written) if written.count(mark) > 1]
        for mark, told in self.told.items():
            if told is SaveResult.SAVED and mark not in written:
                found.append(f"told to be saved, and lost: {mark!r}")
            if told in (SaveResult.CONFLICT, SaveResult.UNSENT) and mark in written:
                found.append(f"told not to be saved, and was: {mark!r}")
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
