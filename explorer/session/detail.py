"""Detail: the selected key's value, decoded, with its time to live and its history."""

import asyncio
import math
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from explorer.codecs.base import Choice, Document
from explorer.codecs.constraints.constraint import Violation
from explorer.drivers.base import Store
from explorer.model.capabilities import Capability
from explorer.model.clock import SystemClock
from explorer.model.entries import Entry
from explorer.model.errors import ExplorerError, InvalidKey, KeyNotFound
from explorer.model.events import Deleted, Put
from explorer.session.decoder import Decoder
from explorer.session.internal_errors import as_failure
from explorer.session.jobs import Jobs, Task
from explorer.session.states import Empty, Failed, Loading, LoadState, Part, Ready

SELECTION_DEBOUNCE: Final = 0.08
"""Seconds that a selection must last before its value is read, if another came shortly before."""
HISTORY_PAGE_SIZE: Final = 20
"""Number of history entries read at a time."""
HISTORY_NOT_LOADED: Final = Empty("not asked for")
"""State of the history before it was requested."""
_RELOAD_INTERVAL: Final = 0.5
"""Seconds between two readings of a key that changes constantly and whose TTL must be read."""
_MAX_CHOICES: Final = 1000
"""Maximum number of remembered choices."""


@dataclass(frozen=True, slots=True)
class LoadedValue:
    """A decoded value and when it was read."""

    entry: Entry
    document: Document
    read_at: float
    """Moment of reading, in seconds of the session's clock."""
    time: datetime
    deleted: bool = False
    """True if the key was deleted since; this is its last value."""
    violations: tuple[Violation, ...] = ()
    """Constraints that the value breaks."""

    def ttl_left(self, now: float) -> float | None:
        """Return the seconds until the entry expires; None without a TTL or where it is unknown."""
        return None if self.entry.ttl is None else max(0.0, self.entry.ttl - (now - self.read_at))


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """History of a key as far as it was read, newest first."""

    entries: tuple[Entry, ...]
    complete: bool
    """True if the store has no earlier entry."""


class Detail:
    """Value and history of the selected key; the newest selection wins."""

    def __init__(
        self,
        decoder: Decoder,
        jobs: Jobs,
        get_store: Callable[[], Store],
        clock: SystemClock,
        mark_dirty: Callable[[Part], None],
    ) -> None:
        """Prepare for selections.

        Args:
            decoder: Decodes values.
            jobs: Owner of the tasks.
            get_store: Returns the connected store, or raises why there is none.
            clock: Clock of ages.
            mark_dirty: Called with each part that changed.
        """
        self.key: str | None = None
        self.state: LoadState[LoadedValue] = Empty("no key is selected")
        self.history: LoadState[HistoryPage] = HISTORY_NOT_LOADED
        self._decoder = decoder
        self._jobs = jobs
        self._get_store = get_store
        self._clock = clock
        self._mark_dirty = mark_dirty
        self._selected_at = -math.inf
        """Moment of the last selection."""
        self._pending_put: Put | None = None
        """Change of the key that is not shown yet."""
        self._choices: OrderedDict[str, Choice] = OrderedDict()

    @property
    def loaded(self) -> LoadedValue | None:
        """The value shown, fresh or stale."""
        match self.state:
            case Ready(value=value):
                return value
            case Failed(stale=stale):
                return stale
            case _:
                return None

    @property
    def choices(self) -> tuple[Choice, ...] | None:
        """Ways to decode the value shown, the most likely first; None where `find_choices` must be awaited."""
        loaded = self.loaded
        return () if loaded is None else self._decoder.choices_now(loaded.entry.key, loaded.entry.value or b"")

    async def find_choices(self) -> tuple[Choice, ...]:
        """Return the ways to decode the value shown, the most likely first."""
        loaded = self.loaded
        return () if loaded is None else await self._decoder.choices(loaded.entry.key, loaded.entry.value or b"")

    # Commands

    def select(self, key: str | None) -> None:
        """Show a key's value: at once, or after a short delay if selections follow each other fast.

        None shows nothing.
        """
        if key == self.key:
            return
        self.key = key
        self.history = HISTORY_NOT_LOADED
        self._pending_put = None
        self._jobs.cancel(_FOLLOW_JOB)
        self._jobs.cancel(_HISTORY_JOB)
        if key is None:
            self._jobs.cancel(_LOAD_JOB)
            self._set_state(Empty("no key is selected"))
        else:
            moment, before = self._clock.now(), self._selected_at
            self._selected_at = moment
            self._set_state(Loading(moment))
            calm = moment - before >= SELECTION_DEBOUNCE
            self._jobs.replace(self._load(key) if calm else self._load_debounced(key), name=_LOAD_JOB)

    def reload(self) -> Task | None:
        """Read the selected key again; the value shown stays until then."""
        return None if self.key is None else self._jobs.replace(self._load(self.key), name=_LOAD_JOB)

    def choose(self, choice: Choice | None) -> None:
        """Decode the selected key's value in one way from now on; None leaves it to the rules."""
        if self.key is None:
            return
        self._choices.pop(self.key, None)
        if choice is not None:
            self._choices[self.key] = choice
            if len(self._choices) > _MAX_CHOICES:
                self._choices.popitem(last=False)
        loaded = self.loaded
        if loaded is not None:
            self._jobs.replace(self._show(loaded.entry, loaded), name=_LOAD_JOB)

    @property
    def chosen(self) -> Choice | None:
        """Way to decode the selected key's value that was chosen by hand; None leaves it to the rules."""
        return None if self.key is None else self._choices.get(self.key)

    @property
    def patterns(self) -> tuple[str, ...]:
        """Patterns of keys like the selected one, the most likely first."""
        return () if self.key is None else self._decoder.codecs.patterns(self.key)

    async def add_rule(self, pattern: str, choice: Choice) -> None:
        """Decode all keys that match a pattern in one way from now on, and store that rule.

        Raises:
            SchemaFailed: The pattern is invalid, or the file of rules cannot be written.
        """
        if self.key is not None:
            await self._decoder.add_rule(self.key, pattern, choice)
            self.choose(None)

    def switch_form(self) -> bool:
        """Show the value in its other form (indented or as stored, text format or JSON); return False without one."""
        loaded = self.loaded
        alternative = None if loaded is None else loaded.document.alternative()
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
            self._jobs.replace(self._load_earlier(self.key, before), name=_HISTORY_JOB)

    # Events

    def on_event(self, event: Put | Deleted) -> None:
        """Show a change of the selected key."""
        if event.key != self.key:
            return
        self._jobs.cancel(_LOAD_JOB)  # its result may be older than this event
        if isinstance(event, Deleted):
            self._pending_put = None
            self._jobs.cancel(_FOLLOW_JOB)
            self._on_deleted(event.key)
        else:
            idle, self._pending_put = self._pending_put is None, event
            if idle:
                waited_for = not self._shows(event.key)
                self._jobs.replace(self._follow(event.key), name=_FOLLOW_JOB, user_initiated=waited_for)
        if isinstance(self.history, Ready):
            self.history = HISTORY_NOT_LOADED

    async def _follow(self, key: str) -> None:
        """Show pending changes of a key until none is left; those that come during decoding are shown as one."""
        while (event := self._pending_put) is not None and key == self.key:
            if event.entry.value is None or (event.entry.lease is not None and event.entry.ttl is None):
                await self._load(key)  # the event does not contain the TTL
                pause = _RELOAD_INTERVAL
            else:
                await self._show(event.entry)
                pause = 0.0
            if self._pending_put is event:
                self._pending_put = None
            else:
                await asyncio.sleep(pause)

    def _on_deleted(self, key: str) -> None:
        loaded = self.loaded
        if loaded is not None and loaded.entry.key == key:
            self._set_state(Ready(replace(loaded, deleted=True)))
        else:
            self._set_state(Empty("there is no value under this key"))

    # Loading

    async def _load_debounced(self, key: str) -> None:
        await asyncio.sleep(SELECTION_DEBOUNCE)
        await self._load(key)

    async def _load(self, key: str) -> None:
        moment, time = self._clock.now(), self._clock.wall()
        try:
            entry = await self._get_store().get(key)
        except (KeyNotFound, InvalidKey):  # a string that cannot be a key, such as the empty one, may be a folder
            self._on_deleted(key)
        except ExplorerError as error:
            self._set_state(Failed(error, self.loaded if self._shows(key) else None))
        except Exception as error:
            self._set_state(Failed(as_failure(error), self.loaded if self._shows(key) else None))
            raise
        else:
            await self._show(entry, moment=moment, time=time)

    async def _show(
        self,
        entry: Entry,
        loaded: LoadedValue | None = None,
        *,
        moment: float | None = None,
        time: datetime | None = None,
    ) -> None:
        """Show an entry; without a moment it was read now."""
        if entry.value is None:
            self._set_state(Empty("a folder without a value of its own"))
            return
        moment = self._clock.now() if moment is None else moment
        choice = self._choices.get(entry.key)
        preview = None if self._shows(entry.key) else self._decoder.preview(entry.key, entry.value, choice)
        if preview is not None:
            self._set_state(Ready(LoadedValue(entry, preview, moment, time or self._clock.wall())))
            await self._decoder.wait_drawn()
        try:
            document = await self._decoder.open(entry.key, entry.value, choice)
            violations = await self._decoder.check(entry.key, entry.value)
        except ExplorerError as error:
            self._set_state(Failed(error, None))
            return
        except Exception as error:
            self._set_state(Failed(as_failure(error), None))
            raise
        if loaded is None:
            loaded = LoadedValue(entry, document, moment, time or self._clock.wall())
        self._set_state(Ready(replace(loaded, document=document, violations=violations)))

    def _shows(self, key: str) -> bool:
        return self.loaded is not None and self.loaded.entry.key == key

    async def _load_earlier(self, key: str, before: HistoryPage) -> None:
        try:
            store = self._get_store()
            if Capability.HISTORY not in store.capabilities:
                reason = store.unsupported_reasons.get(Capability.HISTORY, "the store has nothing of the kind")
                self.history = Empty(f"no history: {reason}")
            else:
                if not before.entries:
                    self.history = Loading(self._clock.now())
                    self._mark_dirty(Part.DETAIL)
                found = await _history_page(store.history(key), len(before.entries), HISTORY_PAGE_SIZE)
                entries = before.entries + found
                complete = len(found) < HISTORY_PAGE_SIZE
                self.history = (
                    Ready(HistoryPage(entries, complete)) if entries else Empty("the store has no earlier value of it")
                )
        except ExplorerError as error:
            self.history = Failed(error, before if before.entries else None)
        except Exception as error:
            self.history = Failed(as_failure(error), before if before.entries else None)
            self._mark_dirty(Part.DETAIL)
            raise
        self._mark_dirty(Part.DETAIL)

    def _set_state(self, state: LoadState[LoadedValue]) -> None:
        self.state = state
        self._mark_dirty(Part.DETAIL)


_FOLLOW_JOB: Final = "follow the selected key"
_LOAD_JOB: Final = "read the selected key"
_HISTORY_JOB: Final = "read the history of the selected key"


async def _history_page(history: AsyncGenerator[Entry, None], skip: int, count: int) -> tuple[Entry, ...]:
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
