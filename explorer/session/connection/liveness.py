"""Liveness by proof: how certain it is, at any moment, that the store is as shown.

A proof is an answer that needed the store's authority. It counts from the moment at which the ping was sent, because
a late answer proves nothing about now, and for `PROOF_TTL` seconds. The tracker has no clock of its own.
"""

from dataclasses import dataclass
from typing import Final

from explorer.model.errors import ExplorerError, NotReachable
from explorer.session.states import Liveness, LivenessStatus

PROOF_TTL: Final = 4.0
"""Seconds for which a proof counts."""
MIN_SUSPEND: Final = 3.0
"""Seconds of suspend of the machine after which no earlier proof counts."""


@dataclass(slots=True)
class LivenessTracker:
    """State from which liveness is computed. Moments are seconds of the session's clock."""

    connected: bool = False
    """True if the store answered when it was opened."""
    error: ExplorerError | None = None
    """Error of the last attempt to connect."""
    next_try: float | None = None
    """Moment of the next automatic attempt to connect."""
    watching: bool = False
    """True if the watch, or the polling in its place, is established and not lost."""
    watch_lost: str | None = None
    """Reason why the watch is lost, while it is."""
    synced: bool = False
    """True if everything shown was read after the watch was established."""
    method: str = "every change is watched"
    """Way in which changes are detected; shown while live."""
    proved_at: float | None = None
    """Moment of the last proof."""
    proof_required_after: float = 0.0
    """Moment that the next proof must be later than."""
    ping_error: ExplorerError | None = None
    """Error of the last ping; None after an answer."""
    lag: str | None = None
    """Description of the pending changes while the session lags."""
    suspended: str | None = None
    """Notice of the machine's suspend, until there is a proof from after it."""
    refusal: ExplorerError | None = None
    """Error of a live store that refused a request."""
    frozen_at: float | None = None
    """Moment at which the display was frozen, while it is."""

    # Events

    def on_connecting(self) -> None:
        """Record that an attempt to connect has begun."""
        self.next_try = None

    def on_disconnected(self, error: ExplorerError, next_try: float | None) -> None:
        """Record that connecting failed or the connection ended, and when the next attempt follows by itself."""
        self.connected = self.watching = self.synced = False
        self.error, self.next_try, self.watch_lost = error, next_try, None

    def on_connected(self, now: float) -> None:
        """Record a new connection; proofs of an earlier one do not count."""
        self.connected = True
        self.error = self.next_try = None
        self.watching = self.synced = False
        self.watch_lost = self.refusal = None
        self.proof_required_after = now

    def on_watching(self, method: str | None = None) -> None:
        """Record that changes are detected from here on."""
        self.watching, self.watch_lost = True, None
        if method is not None:
            self.method = method

    def on_watch_lost(self, reason: str, now: float) -> None:
        """Record that the watch was lost; only a later proof counts."""
        self.watching, self.watch_lost = False, reason
        self.proof_required_after = now

    def on_resync(self) -> None:
        """Record that something shown must be read again."""
        self.synced = False

    def on_synced(self) -> None:
        """Record that everything shown was read again."""
        self.synced = True

    def on_ping_answered(self, sent: float, now: float) -> bool:
        """Record an answer to a ping.

        Args:
            sent: Moment at which the ping was sent.
            now: This moment.

        Returns:
            True if the proof before had expired. Then everything shown must be read again: events of the time between
            may still be under way, and may come later than the answer.
        """
        expired = self.proved_at is not None and now - self.proved_at >= PROOF_TTL
        self.proved_at = sent if self.proved_at is None else max(self.proved_at, sent)
        if sent >= self.proof_required_after:
            self.ping_error = self.suspended = self.next_try = None
        if expired:
            self.synced = False
        return expired

    def on_ping_failed(self, error: ExplorerError, next_try: float) -> None:
        """Record a ping without an answer, and when the next follows."""
        self.ping_error, self.next_try = error, next_try

    def on_wake(self, suspended: float, now: float) -> None:
        """Record that the machine was suspended for some seconds; everything must be proved and read again."""
        self.suspended = f"this machine slept for {suspended:.0f} s"
        self.proof_required_after = now
        self.synced = False

    # Evaluation

    def evaluate(self, now: float) -> Liveness:
        """Return the liveness at a moment."""
        if not self.connected:
            reason = self.error.message if self.error else "connecting"
            return Liveness(LivenessStatus.DISCONNECTED, reason, self.proved_at, self.next_try, self.error)
        error = self.connection_error(now)
        if error is not None:
            return Liveness(LivenessStatus.DISCONNECTED, error.message, self._true_until(), self.next_try, error)
        status, reason = self._status(now)
        return Liveness(status, reason, self._true_until(), error=self.ping_error, refusal=self.refusal)

    def _true_until(self) -> float | None:
        """Return the moment until which what is shown is known to be true."""
        if self.proved_at is None:
            return None
        lost = self.proof_required_after if self.watch_lost is not None else self.proved_at
        return min(self.proved_at, lost, self.proved_at if self.frozen_at is None else self.frozen_at)

    def connection_error(self, now: float) -> NotReachable | None:
        """Return why an open store has no connection to any server; None while it may have one.

        There is none if the last ping could not be sent within its whole time, and the last proof expired.
        """
        if isinstance(self.ping_error, NotReachable) and not (self.ping_error.connected or self._is_proved(now)):
            return self.ping_error
        return None

    def _valid_proof(self) -> float | None:
        return self.proved_at if self.proved_at is not None and self.proved_at >= self.proof_required_after else None

    def _is_proved(self, now: float) -> bool:
        proof = self._valid_proof()
        return proof is not None and now - proof < PROOF_TTL

    def _status(self, now: float) -> tuple[LivenessStatus, str]:
        proof, proved = self._valid_proof(), self._is_proved(now)
        if self.suspended is not None:
            return LivenessStatus.STALE, self.suspended
        if self.watch_lost is not None:
            return LivenessStatus.STALE, self.watch_lost
        if not proved and (proof is not None or now - self.proof_required_after >= PROOF_TTL):
            return LivenessStatus.STALE, self.ping_error.message if self.ping_error else "the store does not answer"
        if self.frozen_at is not None:
            return LivenessStatus.STALE, "frozen: f resumes"
        if not self.watching:
            return LivenessStatus.CATCHING_UP, "starting the watch"
        if not self.synced:
            return LivenessStatus.CATCHING_UP, "reading what is shown"
        if self.lag is not None:
            return LivenessStatus.CATCHING_UP, self.lag
        if not proved:
            return LivenessStatus.CATCHING_UP, "waiting for an answer to a ping"
        return LivenessStatus.LIVE, self.refusal.message if self.refusal else self.method

    def next_change(self, now: float) -> float | None:
        """Return the next moment at which liveness changes by time alone, if there is one."""
        since = self.proof_required_after if self.proved_at is None else max(self.proved_at, self.proof_required_after)
        return since + PROOF_TTL if self.connected and since + PROOF_TTL > now else None
