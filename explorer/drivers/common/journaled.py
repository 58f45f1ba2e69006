"""Stores whose writes are kept in this person's journal, with what was there before."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import aclosing, suppress
from functools import cached_property
from typing import ClassVar, Final, cast

from explorer.drivers.base import Store
from explorer.drivers.common.created_meta import chosen_meta
from explorer.journal import DELETE_TREE, Journal, JournalRecord
from explorer.model.address import Access, Address
from explorer.model.entries import NO_META, Entry, Meta, Revision
from explorer.model.errors import ExplorerError, OutcomeUnknown
from explorer.model.operations import Absent, DeleteOperation, Operation
from explorer.model.write_reason import current_write_reason, is_masked_write

_LOG: Final = logging.getLogger(__package__)
MAX_KEPT_ENTRIES: Final = 10_000
"""Entries of a deleted tree whose values are kept."""
_UNKNOWN: Final = "the outcome is unknown"


class JournaledStore(Store):
    """Mixin that appends each write of a driver to a journal."""

    journal: ClassVar[Journal]
    """The journal. Set by `journaled_driver`."""

    async def put(
        self, key: str, value: bytes, *, ttl: float | None = None, is_dir: bool = False, keep_alive: bool = False
    ) -> Entry:
        old = await self._present(key)
        try:
            entry = await super().put(key, value, ttl=ttl, is_dir=is_dir, keep_alive=keep_alive)  # type: ignore[safe-super] # a driver is behind it
        except OutcomeUnknown:
            await self._append([self._record(key, old, None, detail=_UNKNOWN)])
            raise
        await self._append([self._record(key, old, entry)])
        return entry

    async def atomic_put(
        self,
        key: str,
        value: bytes,
        previous: Entry | Revision | None,
        *,
        ttl: float | None = None,
        meta: Meta = NO_META,
    ) -> Entry:
        old = await self._old(key, previous)
        try:
            entry = await super().atomic_put(key, value, previous, ttl=ttl, meta=meta)
        except OutcomeUnknown:
            await self._append([self._record(key, old, None, detail=_UNKNOWN)])
            raise
        await self._append([self._record(key, old, entry)])
        return entry

    async def delete(self, key: str) -> None:
        old = await self._present(key)
        try:
            await super().delete(key)  # type: ignore[safe-super] # a driver is behind it
        except OutcomeUnknown:
            await self._append([self._record(key, old, None, is_deletion=True, detail=_UNKNOWN)])
            raise
        await self._append([self._record(key, old, None, is_deletion=True)])

    async def atomic_delete(self, key: str, previous: Entry | Revision | None) -> None:
        old = await self._old(key, previous)
        try:
            await super().atomic_delete(key, previous)
        except OutcomeUnknown:
            await self._append([self._record(key, old, None, is_deletion=True, detail=_UNKNOWN)])
            raise
        await self._append([self._record(key, old, None, is_deletion=True)])

    async def transact(self, operations: Sequence[Operation]) -> tuple[Entry | None, ...]:
        olds = [await self._expected(operation) for operation in operations]
        deletions = [isinstance(operation, DeleteOperation) for operation in operations]
        try:
            entries = await super().transact(operations)
        except OutcomeUnknown:
            await self._append(
                [
                    self._record(operation.key, old, None, is_deletion=deletes, detail=_UNKNOWN)
                    for operation, old, deletes in zip(operations, olds, deletions, strict=True)
                ]
            )
            raise
        await self._append(
            [
                self._record(operation.key, old, entry, is_deletion=deletes)
                for operation, old, entry, deletes in zip(operations, olds, entries, deletions, strict=True)
            ]
        )
        return entries

    async def delete_tree(self, prefix: str, *, guard: Revision | None = None) -> int:
        olds = await self._below(prefix)
        count = await super().delete_tree(prefix, guard=guard)  # type: ignore[safe-super] # a driver is behind it
        records = [self._record(old.key, old, None, is_deletion=True) for old in olds]
        if count > len(olds):
            detail = f"{count} entries, of which the journal has {len(olds)}"
            records.append(self._record(prefix, None, None, action=DELETE_TREE, detail=detail))
        await self._append(records)
        return count

    # Shared

    @cached_property
    def _public_url(self) -> str:
        """The store in the journal; made once, since plans write by the hundred thousand."""
        return self.address.public_url

    def _record(
        self,
        key: str,
        old: Entry | None,
        entry: Entry | None,
        *,
        is_deletion: bool = False,
        action: str = "",
        detail: str = "",
    ) -> JournalRecord:
        profile = self.profile
        return JournalRecord(
            self._public_url,
            key,
            action or "delete" if action or is_deletion else "create" if old is None else "update",
            None if old is None else old.revision,
            None if entry is None else entry.revision,
            None if old is None else old.value,
            detail,
            profile.name if profile else "",
            reason=current_write_reason(),
            new=None if entry is None else entry.value,
            masked=is_masked_write(key) or (profile is not None and profile.masks(key)),
            meta=NO_META if old is None else chosen_meta(old.meta, self.settable_meta),
        )

    async def _append(self, records: Sequence[JournalRecord]) -> None:
        try:
            await asyncio.to_thread(self.journal.append, records)
        except OSError as error:  # the write is done, and must not be reported as failed
            _LOG.warning("the journal cannot be written: %s", error)
            self.journal.report_failure(error)

    async def _expected(self, operation: Operation) -> Entry | None:
        """Return the entry that an operation replaces; what it expects needs no request."""
        match operation.expected:
            case Entry() as entry:
                return entry
            case Absent.ABSENT:
                return None
            case _:
                return await self._present(operation.key)

    async def _old(self, key: str, previous: Entry | Revision | None) -> Entry | None:
        if previous is None or isinstance(previous, Entry):
            return previous
        return await self._present(key)

    async def _present(self, key: str) -> Entry | None:
        with suppress(ExplorerError):  # the write itself says what is wrong
            return await self.get(key)
        return None

    async def _below(self, prefix: str) -> list[Entry]:
        found: list[Entry] = []
        with suppress(ExplorerError):
            async with aclosing(self.walk(prefix)) as entries:
                async for entry in entries:
                    found.append(entry)
                    if len(found) == MAX_KEPT_ENTRIES:
                        break
            return list(await self.complete(found))
        return found


def journaled_driver(
    driver: Callable[[Address, Access], Store], journal: Journal
) -> Callable[[Address, Access], Store]:
    """Return a subclass of a driver that appends its writes to a journal; logs show it by the driver's name."""
    kind = cast("type[Store]", driver)
    names = {"journal": journal}
    return cast("Callable[[Address, Access], Store]", type(kind.__name__, (JournaledStore, kind), names))
