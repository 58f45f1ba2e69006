"""Journal list: this person's saves, deletions and applied plans, the newest first."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from explorer.config import MASKED
from explorer.journal import Journal, JournalPlace, JournalRecord
from explorer.model.errors import ExplorerError
from explorer.model.format import format_bytes
from explorer.model.line_diff import DiffLine, remark
from explorer.plans.journal_scope import JournalScope
from explorer.plans.search import SearchQuery
from explorer.session.decoder import Decoder
from explorer.session.results.result_list import MAX_ITEMS, ResultHost, ResultList
from explorer.session.states import Option

NO_JOURNAL: Final = "no journal is kept here"
_KEPT_ACTIONS: Final = ("create", "update")


@dataclass(frozen=True, slots=True)
class JournalItem:
    """A record of the journal without its values, and where they are.

    A change of the session's store is one of its URL, by whatever URL it was made.
    """

    place: JournalPlace
    record: JournalRecord


@dataclass(frozen=True, slots=True)
class JournalFilter:
    """Records that are listed.

    Args:
        key: Part of a key, or a glob of the whole key; empty for all.
        is_everywhere: Whether the records of other stores are listed, too.
    """

    key: str = ""
    is_everywhere: bool = False


class JournalList(ResultList[JournalItem]):
    """The newest records that a filter lets through.

    Args:
        host: The session.
        decoder: Compares values.
        journal: The journal; None if none is kept.
    """

    job_name = "journal"

    def __init__(
        self,
        host: ResultHost,
        *,
        decoder: Decoder,
        journal: Journal | None,
    ) -> None:
        super().__init__(host)
        self._decoder = decoder
        self._journal = journal
        self.filter = JournalFilter()
        self.damage = ""
        """Where the journal was changed by something else; empty if nowhere."""

    def show(self, filter_: JournalFilter | None = None) -> None:
        """Read the journal again, by another filter if there is one."""
        self.filter = filter_ or self.filter
        self._start()

    def switch_stores(self) -> None:
        """List the changes in all stores, or only those in this one."""
        self.show(replace(self.filter, is_everywhere=not self.filter.is_everywhere))

    def is_of_this_store(self, record: JournalRecord) -> bool:
        """Return whether a record is about the store of the session."""
        try:
            return record.store == self._get_store().address.public_url
        except ExplorerError:
            return False

    async def _pages(self) -> AsyncGenerator[Sequence[JournalItem], None]:
        self.damage = ""
        if self._journal is None:
            return
        scope = self._scope()
        items, self.looked_at = await asyncio.to_thread(_read, self._journal, self.filter, scope)
        yield items
        self.damage = await asyncio.to_thread(self._journal.damage)

    def _scope(self) -> JournalScope | None:
        """Return which records are about the session's store; None if all are listed and there is no store."""
        try:
            return JournalScope.of_store(self._get_store())
        except ExplorerError:
            if self.filter.is_everywhere:
                return None
            raise

    async def record(self, item: JournalItem) -> JournalRecord:
        """Return a record with its values; without them if the file cannot be read any more."""
        if self._journal is None:
            return item.record
        try:
            record = await asyncio.to_thread(self._journal.read, item.place)
        except (OSError, ValueError):
            return replace(item.record, detail="its values cannot be read any more")
        return item.record if item.record.masked else replace(item.record, old=record.old, new=record.new)

    async def diff(self, item: JournalItem) -> tuple[DiffLine, ...]:
        """Return what a change did to the value, or why that is not known, as lines of a diff."""
        record = await self.record(item)
        if record.masked:
            return (remark(MASKED),)
        if record.old is None and record.new is None:
            return (remark("the journal has no values of this change"),)
        if record.new is None and record.action in _KEPT_ACTIONS:  # of an earlier version, or too large
            before = "" if record.old is None else f"; before, it had {format_bytes(len(record.old))}"
            return (remark(f"the journal does not have the value that was written{before}"),)
        if record.old is None and record.action != "create":
            return (remark("the journal does not have the value that was there before"),)
        return await self._decoder.compare_values(record.key, record.old, record.new)


def restore_choices(record: JournalRecord) -> list[Option[bytes]]:
    """Return the values of a record that can be brought back: that before the change, and that after it."""
    time = f"{record.time.astimezone():%Y-%m-%d %H:%M:%S}"
    return [
        Option(f"the value {when} your {record.action} of {time}", value, format_bytes(len(value)))
        for when, value in (("before", record.old), ("after", record.new))
        if value is not None
    ]


def _read(journal: Journal, wanted: JournalFilter, scope: JournalScope | None) -> tuple[list[JournalItem], int]:
    """Return the newest records that a filter lets through, and the number of all that were read."""
    pattern = SearchQuery(key=wanted.key or None, ignore_case=None).key_pattern()
    kept: deque[JournalItem] = deque(maxlen=MAX_ITEMS)
    count = 0
    for place, record in journal.index():
        count += 1
        here = None if scope is None else scope.relative(record)
        if here is None and not wanted.is_everywhere:
            continue
        shown = here or record
        if pattern is None or pattern.search(shown.key):
            kept.append(JournalItem(place, shown))
    return list(reversed(kept)), count
