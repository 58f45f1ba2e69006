"""Parts of the status line as sanitised texts, without layout."""

from dataclasses import dataclass
from typing import Final

from explorer.model.format import format_duration
from explorer.model.sanitize import sanitize
from explorer.session.keytree.row_view import MARKED_SIGN, STAGED_SIGN
from explorer.session.session import Session
from explorer.session.states import LivenessStatus

_SIGNS: Final[dict[LivenessStatus, str]] = {
    LivenessStatus.LIVE: "●",
    LivenessStatus.CATCHING_UP: "◐",
    LivenessStatus.STALE: "▲",
    LivenessStatus.DISCONNECTED: "✗",
}
_SNAPSHOT_SIGN: Final = "◷"
MIN_AGE_SHOWN: Final = 3.0
"""Seconds since the last heartbeat from which on its age is shown; there is one every two seconds."""


@dataclass(frozen=True, slots=True)
class StatusParts:
    """Address, liveness with age and reason, revision, rate, and whether writing is unlocked."""

    status: LivenessStatus
    address: str
    """Address of the store, behind the profile if it was opened by one."""
    sign: str
    """Sign and name of the status."""
    cause: str
    """Reason of the status, and refusal, as far as there are any."""
    age: float | None
    """Seconds since what is shown was known to be true; None if it never was."""
    retry_in: float | None
    """Seconds until the next attempt; None if none is planned."""
    revision: str
    """Revision of the store, such as `rev 12`; "" if it is not known."""
    rate: str
    """Events per second, such as `3/s`; "" without a connection."""
    pending: str
    """Numbers of marked keys and of staged changes, such as `✓ 3 marked  ✚ 2 staged`; "" without any."""
    is_frozen: bool
    """True if changes are held back."""
    writable: bool
    """True if writing is unlocked."""

    @property
    def live(self) -> str:
        """Sign and name of the status, with the age of what is shown if it is worth a mention."""
        is_shown = self.age is not None and (self.status is not LivenessStatus.LIVE or self.age >= MIN_AGE_SHOWN)
        return f"{self.sign} {format_duration(self.age)}" if is_shown and self.age is not None else self.sign

    @property
    def reason(self) -> str:
        """Reason of the status, refusal, and time until the next attempt, as far as there are any."""
        wait = "" if self.retry_in is None else f"· retry in {int(self.retry_in) + 1}s"
        return " ".join(text for text in (self.cause, wait) if text)

    @property
    def frozen(self) -> str:
        """Word for changes that are held back; "" if none are."""
        return "FROZEN" if self.is_frozen else ""

    @property
    def writing(self) -> str:
        """Word for the state of writing."""
        return "WRITING" if self.writable else "read-only"


def switch_titles(session: Session) -> dict[str, str]:
    """Return the titles of the actions that are switches, by id, as their state is now."""
    titles = {"writing": "Writing" if session.writable else "Read-only"}
    if session.connection.is_frozen:
        titles["freeze"] = "Frozen"
    if session.marked.is_active:
        titles["toggle"] = "Mark"
    return titles


def status_parts(session: Session) -> StatusParts:
    """Return the parts of the status line at this moment."""
    now = session.clock.now()
    liveness, connection = session.liveness, session.connection
    status = liveness.status
    reasons = [] if status is LivenessStatus.LIVE else [sanitize(liveness.reason)]
    if liveness.refusal is not None:
        reasons.append(f"({sanitize(liveness.refusal.message)})")
    has_rate = status in (LivenessStatus.LIVE, LivenessStatus.CATCHING_UP)  # without a connection there is none
    is_snapshot = bool(session.snapshot) and status is LivenessStatus.LIVE
    return StatusParts(
        status=status,
        address=sanitize(f"{session.profile} {session.address}" if session.profile else session.address),
        sign=f"{_SNAPSHOT_SIGN} {sanitize(session.snapshot)}" if is_snapshot else f"{_SIGNS[status]} {status.value}",
        cause=" ".join(reasons),
        age=liveness.age(now),
        retry_in=liveness.retry_in(now),
        revision="" if connection.revision is None or is_snapshot else sanitize(f"rev {connection.revision}"),
        rate=f"{connection.event_rate:.0f}/s" if has_rate and not is_snapshot else "",
        pending=_pending(session),
        is_frozen=connection.is_frozen,
        writable=session.writable and not is_snapshot,
    )


def _pending(session: Session) -> str:
    marked, staged = session.marked.text, len(session.editor.staged)
    texts = [f"{MARKED_SIGN} {marked}"] if marked else []
    return "  ".join([*texts, f"{STAGED_SIGN} {staged:,} staged"] if staged else texts)
