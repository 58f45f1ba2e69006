"""The selected key: its value as it was read, as a document, with its lifetime and its history."""

import asyncio
import math
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from explorer.codecs.base import Choice, Document
from explorer.drivers.base import Store
from explorer.model.capabilities import Capability
from explorer.model.entries import Entry
from explorer.model.errors import ExplorerError, InvalidKey, KeyNotFound
from explorer.model.events import Deleted, Put
from explorer.session.clock import Clock
from explorer.session.decoder import Decoder
from explorer.session.internal_errors import as_failure
from explorer.session.jobs import Jobs, Task
from explorer.session.states import Empty, Failed, Loading, LoadState, Part, Ready

SELECTION_DEBOUNCE: Final = 0.08
"""Seconds that a selection has to stand before its value is read, if it came right after another one."""
HISTORY_PAGE_SIZE: Final = 20
"""Entries of history that are read at a time."""
HISTORY_NOT_LOADED: Final = Empty("not asked for")
"""How the history stands before anybody wanted to see it."""
_UNTOLD: Final = 0.5
"""Seconds between two readings of a key that changes all the time and whose lifetime must be read."""
_DRAWING: Final = 0.05
"""Seconds that the beginning of a large value has to be drawn in, before a thread competes for the processor."""
_REMEMBERED: Final = 1000
"""Choices made by hand that are kept."""


@dataclass(frozen=True, slots=True)
class LoadedValue:
    """A value and when it was read."""

    entry: Entry
    document: Document
    read_at: float
    """The moment of reading, in seconds of the session's clock."""
    time: datetime
    deleted: bool = False
    """The key is gone since; this is its last value."""

    def ttl_left(self, now: float) -> float | None:
        """Give the seconds that the entry has left to live at a moment; None for ever or where it is not known."""
        return None if self.entry.ttl is None else max(0.0, self.entry.ttl - (now - self.read_at))


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """What was read of a key's history, newest first."""

    entries: tuple[Entry, ...]
    complete: bool
    """There is nothing before it, or nothing that the store still has."""


class Detail:
    """The selected key's value; the newest selection wins."""

    def __init__(
        self, decoder: Decoder, work: Jobs, store: Callable[[], Store], clock: Clock, tell: Callable[[Part], None]
    ) -> None:
        """Prepare for selections.

        Args:
            decoder: The codecs.
            work: Where its tasks belong.
            store: Gives the open store, or raises why there is none.
            clock: What ages are counted by.
            tell: Is told what to draw again.
        """
        self.key: str | None = None
        self.state: LoadState[LoadedValue] = Empty("no key is selected")
        self.history: LoadState[HistoryPage] = HISTORY_NOT_LOADED
        self._decoder = decoder
        self._work = work
        self._store = store
        self._clock = clock
        self._tell = tell
        self._selected = -math.inf
        """The moment of the last selection."""
        self._news: Put | None = None
        """A change of the key that is not shown yet."""
        self._choices: OrderedDict[str, Choice] = OrderedDict()

    @property
    def loaded(self) -> LoadedValue | None:
        """What is shown, be it fresh or stale."""
        match self.state:
            case Ready(value=value):
                return value
            case Failed(stale=stale):
                return stale
            case _:
                return None

    @property
    def choices(self) -> tuple[Choice, ...] | None:
        """How the value shown can be read, likely ones first; None where `find_choices` has to find it out."""
        reading = self.loaded
        return () if reading is None else self._decoder.choices_now(reading.entry.key, reading.entry.value or b"")

    async def find_choices(self) -> tuple[Choice, ...]:
        """Find out how the value shown can be read, likely ones first."""
        reading = self.loaded
        return () if reading is None else await self._decoder.choices(reading.entry.key, reading.entry.value or b"")

    # What a person does

    def select(self, key: str | None) -> None:
        """Show a key's value, at once or, of selections that follow each other fast, that of the one that stands.

        None shows nothing.
        """
        if key == self.key:
            return
        self.key = key
        self.history = HISTORY_NOT_LOADED
        self._news = None
        self._work.cancel(_NEWS)
        self._work.cancel(_HISTORY)
        if key is None:
            self._work.cancel(_VALUE)
            self._become(Empty("no key is selected"))
        else:
            moment, before = self._clock.now(), self._selected
            self._selected = moment
            self._become(Loading(moment))
            calm = moment - before >= SELECTION_DEBOUNCE
            self._work.replace(self._load(key) if calm else self._settle(key), name=_VALUE)

    def reload(self) -> Task | None:
        """Read the selected key again; what is shown stays until then."""
        return None if self.key is None else self._work.replace(self._load(self.key), name=_VALUE)

    def choose(self, choice: Choice | None) -> None:
        """Read the selected key's value in a certain way from now on; None leaves it to the rules again."""
        if self.key is None:
            return
        self._choices.pop(self.key, None)
        if choice is not None:
            self._choices[self.key] = choice
            if len(self._choices) > _REMEMBERED:
                self._choices.popitem(last=False)
        reading = self.loaded
        if reading is not None:
            self._work.replace(self._show(reading.entry, reading), name=_VALUE)

    @property
    def chosen(self) -> Choice | None:
        """How the selected key's value is to be read by hand; None leaves it to the rules."""
        return None if self.key is None else self._choices.get(self.key)

    @property
    def patterns(self) -> tuple[str, ...]:
        """Patterns for keys like the selected one, the likeliest first."""
        return () if self.key is None else self._decoder.codecs.patterns(self.key)

    async def add_rule(self, pattern: str, choice: Choice) -> None:
        """Read all keys that match a pattern in a certain way from now on, and keep that for the next start.

        Raises:
            SchemaFailed: The pattern is wrong, or the file of rules cannot be written.
        """
        if self.key is not None:
            await self._decoder.add_rule(self.key, pattern, choice)
            self.choose(None)

    def switch_form(self) -> bool:
        """Show the value in its other form (indented or as stored, text format or JSON); return False without one."""
        reading = self.loaded
        alternative = None if reading is None else reading.document.alternative()
        if alternative is None:
            return False
        self.choose(alternative)
        return True

    def load_earlier(self) -> None:
        """Read more of the selected key's history."""
        if self.key is None:
            return
        before = self.history.value if isinstance(self.history, Ready) else HistoryPage((), complete=False)
        if not before.complete:
            self._work.replace(self._read_earlier(self.key, before), name=_HISTORY)

    # What happens

    def apply(self, event: Put | Deleted) -> None:
        """Follow a change of the selected key."""
        if event.key != self.key:
            return
        self._work.cancel(_VALUE)  # what it would give may be older than this
        if isinstance(event, Deleted):
            self._news = None
            self._work.cancel(_NEWS)
            self._gone(event.key)
        else:
            idle, self._news = self._news is None, event
            if idle:
                waited_for = not self._shows(event.key)
                self._work.replace(self._follow(event.key), name=_NEWS, caused=waited_for)
        if isinstance(self.history, Ready):
            self.history = HISTORY_NOT_LOADED

    async def _follow(self, key: str) -> None:
        """Show the news of a key until there is no more; what comes while one is decoded is one more, however much."""
        while (event := self._news) is not None and key == self.key:
            if event.entry.value is None or (event.entry.lease is not None and event.entry.ttl is None):
                await self._load(key)  # how long it lives is not told with the change
                pause = _UNTOLD
            else:
                await self._show(event.entry)
                pause = 0.0
            if self._news is event:
                self._news = None
            else:
                await asyncio.sleep(pause)

    def _gone(self, key: str) -> None:
        reading = self.loaded
        if reading is not None and reading.entry.key == key:
            self._become(Ready(replace(reading, deleted=True)))
        else:
            self._become(Empty("there is no value under this key"))

    # Reading

    async def _settle(self, key: str) -> None:
        await asyncio.sleep(SELECTION_DEBOUNCE)
        await self._load(key)

    async def _load(self, key: str) -> None:
        moment, time = self._clock.now(), self._clock.wall()
        try:
            entry = await self._store().get(key)
        except (KeyNotFound, InvalidKey):  # what cannot be a key, such as the empty one, may be a folder
            self._gone(key)
        except ExplorerError as error:
            self._become(Failed(error, self.loaded if self._shows(key) else None))
        except Exception as error:
            self._become(Failed(as_failure(error), self.loaded if self._shows(key) else None))
            raise
        else:
            await self._show(entry, moment=moment, time=time)

    async def _show(
        self,
        entry: Entry,
        reading: LoadedValue | None = None,
        *,
        moment: float | None = None,
        time: datetime | None = None,
    ) -> None:
        """Show an entry, read just now unless it is said when."""
        if entry.value is None:
            self._become(Empty("a folder without a value of its own"))
            return
        moment = self._clock.now() if moment is None else moment
        choice = self._choices.get(entry.key)
        preview = None if self._shows(entry.key) else self._decoder.preview(entry.key, entry.value, choice)
        if preview is not None:
            self._become(Ready(LoadedValue(entry, preview, moment, time or self._clock.wall())))
            await asyncio.sleep(_DRAWING)
        try:
            document = await self._decoder.open(entry.key, entry.value, choice)
        except ExplorerError as error:
            self._become(Failed(error, None))
            return
        except Exception as error:
            self._become(Failed(as_failure(error), None))
            raise
        if reading is None:
            reading = LoadedValue(entry, document, moment, time or self._clock.wall())
        self._become(Ready(replace(reading, document=document)))

    def _shows(self, key: str) -> bool:
        return self.loaded is not None and self.loaded.entry.key == key

    async def _read_earlier(self, key: str, before: HistoryPage) -> None:
        try:
            store = self._store()
            if Capability.HISTORY not in store.capabilities:
                reason = store.unsupported_reasons.get(Capability.HISTORY, "the store has nothing of the kind")
                self.history = Empty(f"no history: {reason}")
            else:
                if not before.entries:
                    self.history = Loading(self._clock.now())
                    self._tell(Part.DETAIL)
                found = await _page(store.history(key), len(before.entries), HISTORY_PAGE_SIZE)
                entries = before.entries + found
                complete = len(found) < HISTORY_PAGE_SIZE
                self.history = (
                    Ready(HistoryPage(entries, complete)) if entries else Empty("the store has no earlier value of it")
                )
        except ExplorerError as error:
            self.history = Failed(error, before if before.entries else None)
        except Exception as error:
            self.history = Failed(as_failure(error), before if before.entries else None)
            self._tell(Part.DETAIL)
            raise
        self._tell(Part.DETAIL)

    def _become(self, state: LoadState[LoadedValue]) -> None:
        self.state = state
        self._tell(Part.DETAIL)


_NEWS: Final = "follow the selected key"
_VALUE: Final = "read the selected key"
_HISTORY: Final = "read the history of the selected key"


async def _page(history: AsyncGenerator[Entry, None], skip: int, count: int) -> tuple[Entry, ...]:
    found: list[Entry] = []
    async with aclosing(history) as entries:
        async for entry in entries:
            if skip:
                skip -= 1
                continue
            found.append(entry)
            if len(found) == count:
                break
    return tuple(found)
