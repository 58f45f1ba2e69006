"""Rows of the lock inspector: locks, holders and waiters as sanitised texts, without layout."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from explorer.model.format import format_duration
from explorer.model.locks import Contender, LockInfo
from explorer.model.sanitize import pluralize, sanitize
from explorer.session.lock_table import LoadedLocks
from explorer.session.states import Empty, Failed, Loading, LoadState, Ready, Tone

LOCK_SIGNS: Final = (
    ("●", "The holder of the lock, with the time left until its session expires."),
    ("1. 2.", "Waiters, in the order in which they get the lock."),
    ("fence", "Fencing token: it grows with each holder, so that writes of an earlier holder can be refused."),
    ("possible", "Entries that look like a lock, in a layout that is not certain."),
)
"""The signs in the list of locks and their meanings."""


@dataclass(frozen=True, slots=True)
class LockRow:
    """A row of the list: a lock, or one of its contenders."""

    lock: LockInfo
    contender: Contender | None = None
    position: int = 0
    """Position in the queue; 0 for the holder."""

    @property
    def id(self) -> tuple[str, str]:
        """Identity of the row, by which the cursor follows it when the queue moves."""
        return self.lock.key, self.contender.key if self.contender else ""

    @property
    def key(self) -> str:
        """Key to show in the tree: that of the contender or of the lock."""
        return self.contender.key if self.contender else self.lock.key

    @property
    def sign(self) -> str:
        """Sign of the holder, or position of a waiter; "" for a lock."""
        if self.contender is None:
            return ""
        return "●" if self.position == 0 else f"{self.position}."


def lock_rows(locks: Iterable[LockInfo]) -> Iterator[LockRow]:
    """Yield the rows of some locks: each lock, its holder, and its waiters in the order of the queue."""
    for lock in locks:
        yield LockRow(lock)
        if lock.holder:
            yield LockRow(lock, lock.holder)
        for position, waiter in enumerate(lock.waiters, start=1):
            yield LockRow(lock, waiter, position)


def locks_title(state: LoadState[LoadedLocks]) -> str:
    """Return the numbers of locks, waiters and stale locks; or since when and why they are not current."""
    match state:
        case Failed(error=error, stale=stale) if stale is not None:
            return sanitize(f"as of {stale.time.astimezone():%H:%M:%S}: {error.message}")
        case Ready(value=loaded):
            waiting = sum(len(lock.waiters) for lock in loaded.locks)
            stale_count = sum(lock.stale is not None for lock in loaded.locks)
            end = f", {stale_count} stale" if stale_count else ""
            return f"{len(loaded.locks)} held, {waiting} waiting{end}"
        case _:
            return ""


def locks_notice(state: LoadState[LoadedLocks]) -> str | None:
    """Return the text in place of the locks; None if there are some, or an error."""
    match state:
        case Loading():
            return "reading the locks …"
        case Empty(reason=reason):
            return sanitize(reason)
        case _:
            return None


def lock_state(lock: LockInfo) -> tuple[str, Tone]:
    """Return what is to be known of a lock before its contenders: waiters, staleness, certainty; "" if nothing is."""
    waiting = f"{len(lock.waiters)} waiting" if lock.waiters else ""
    if not lock.certain:
        return _joined("possible", waiting), Tone.WARNING
    if lock.stale:
        return sanitize(f"! stale: {lock.stale}"), Tone.BAD
    if lock.holder is None:
        return _joined("no holder", waiting), Tone.WARNING
    return waiting, Tone.QUIET


def time_left_text(contender: Contender, time_left: float | None) -> tuple[str, Tone]:
    """Return the time until a contender's session ends; "" if it is not known."""
    if contender.session is None:
        return "never expires", Tone.BAD
    if time_left is None:
        return "", Tone.QUIET
    if time_left > 0:
        return f"{format_duration(time_left)} left", Tone.PLAIN
    return "expires now unless renewed", Tone.WARNING


def fence_text(row: LockRow) -> str:
    """Return the fencing token of a holder; "" if there is none."""
    fence = None if row.contender is None or row.position else row.contender.fence
    return "" if fence is None else sanitize(f"fence {fence}")


def contender_details(contender: Contender, wall: datetime) -> list[str]:
    """Return start, session and number of other keys of a contender, as far as they are known."""
    details = [_since(contender, wall), sanitize(contender.session or "")]
    if contender.other_keys:
        details.append(f"+{pluralize(len(contender.other_keys), 'key')}")
    return [detail for detail in details if detail]


def lock_facts(row: LockRow, wall: datetime) -> list[str]:
    """Return everything that is known of a row, line by line.

    Args:
        row: The row.
        wall: The time of day.
    """
    return [sanitize(line) for line in _facts(row, wall)]


def _facts(row: LockRow, wall: datetime) -> Iterator[str]:
    yield f"{row.lock.key} (layout {row.lock.layout}; {row.lock.kind})"
    if row.contender is None:
        holder = row.lock.holder
        held = "held" if row.lock.certain else "possibly held"
        yield "no holder" if holder is None else f"{held} by {holder.name}"
        if row.lock.stale:
            yield f"stale: {row.lock.stale}"
        return
    contender = row.contender
    yield f"{'holder' if row.position == 0 else f'waiter {row.position}'}: {contender.key}"
    fence = "" if contender.fence is None else f"fence {contender.fence}"
    session = f"session {contender.session}" if contender.session else "no session"
    yield _joined(session, _since(contender, wall), fence)
    if contender.other_keys:
        yield f"other keys of the session: {', '.join(contender.other_keys)}"


def _since(contender: Contender, wall: datetime) -> str:
    if isinstance(contender.since, datetime):
        return f"for {format_duration(max(0.0, (wall - contender.since).total_seconds()))}"
    return "" if contender.since is None else sanitize(f"since rev {contender.since}")


def _joined(*texts: str) -> str:
    return "  ".join(text for text in texts if text)
