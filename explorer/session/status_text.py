"""Parts of the status line as sanitised texts, without layout."""

from dataclasses import dataclass
from typing import Final

from explorer.model.format import format_duration
from explorer.model.sanitize import sanitize
from explorer.session.session import Session
from explorer.session.states import LivenessStatus

_SIGNS: Final[dict[LivenessStatus, str]] = {
    LivenessStatus.LIVE: "●",
    LivenessStatus.CATCHING_UP: "◐",
    LivenessStatus.STALE: "▲",
    LivenessStatus.DISCONNECTED: "✗",
}
_MIN_AGE_SHOWN: Final = 3.0
"""Seconds since the last heartbeat from which on its age is shown; there is one every two seconds."""


@dataclass(frozen=True, slots=True)
class StatusParts:
    """Address, liveness with age and reason, revision, rate, and whether writing is unlocked."""

    status: LivenessStatus
    address: str
    """Address of the store, behind the profile if it was opened by one."""
    live: str
    """Sign and name of the status, with the age of what is shown if it is worth a mention."""
    reason: str
    """Reason of the status, refusal, and time until the next attempt, as far as there are any."""
    revision: str
    """Revision of the store, such as `rev 12`; "" if it is not known."""
    rate: str
    """Events per second, such as `3/s`; "" without a connection."""
    is_frozen: bool
    """True if changes are held back."""
    writable: bool
    """True if writing is unlocked."""

    @property
    def writing(self) -> str:
        """Word for the state of writing."""
        return "WRITING" if self.writable else "read-only"


def status_parts(session: Session) -> StatusParts:
    """Return the parts of the status line at this moment."""
    now = session.clock.now()
    liveness, connection = session.liveness, session.connection
    status = liveness.status
    live = f"{_SIGNS[status]} {status.value}"
    age = liveness.age(now)
    if age is not None and (status is not LivenessStatus.LIVE or age >= _MIN_AGE_SHOWN):
        live += f" {format_duration(age)}"
    reasons = [] if status is LivenessStatus.LIVE else [sanitize(liveness.reason)]
    if liveness.refusal is not None:
        reasons.append(f"({sanitize(liveness.refusal.message)})")
    wait = liveness.retry_in(now)
    if wait is not None:
        reasons.append(f"· retry in {int(wait) + 1}s")
    has_rate = status in (LivenessStatus.LIVE, LivenessStatus.CATCHING_UP)  # without a connection there is none
    return StatusParts(
        status=status,
        address=sanitize(f"{session.profile} {session.address}" if session.profile else session.address),
        live=live,
        reason=" ".join(reasons),
        revision="" if connection.revision is None else sanitize(f"rev {connection.revision}"),
        rate=f"{connection.event_rate:.0f}/s" if has_rate else "",
        is_frozen=connection.is_frozen,
        writable=session.writable,
    )
