"""Liveness by proof: how sure it is, at any moment, that the store is as it is shown.

The store proves that it is alive by an answer that needed its authority. It counts from the moment the question was
sent, so that an answer that was long under way proves nothing about now, and for `GRACE` seconds. What a session hears
and does moves it on through the methods; no clock of its own runs here.
"""

from dataclasses import dataclass
from typing import Final

from explorer.model.errors import ExplorerError, NotReachable
from explorer.session.states import Liveness, LivenessStatus

GRACE: Final = 4.0
"""Seconds for which a proof counts."""
NAP: Final = 3.0
"""Seconds of sleep of the machine after which nothing that was known counts any more."""


@dataclass(slots=True)
class LivenessTracker:
    """What is known about the life of a store. Moments are seconds of the session's clock."""

    connected: bool = False
    """The store answered at opening."""
    error: ExplorerError | None = None
    """Why it is not connected, where that was tried."""
    next_try: float | None = None
    """When connecting will be tried again by itself."""
    heard: bool = False
    """The watch, or what stands for it, is established and not lost."""
    lost: str | None = None
    """Why the watch was lost, while it is."""
    read: bool = False
    """Everything shown has been read since the watch was established."""
    method: str = "every change is heard"
    """How changes are found out, told while it is live."""
    proved: float | None = None
    """The moment of the last proof."""
    required: float = 0.0
    """The moment that the next proof must be later than, because something happened then."""
    silence: ExplorerError | None = None
    """What the last attempt to prove it failed with; None since the last proof."""
    lagging: str | None = None
    """That more happens than can be shown, while it does."""
    slept: str | None = None
    """What is told until there is a proof from after the machine's sleep."""
    refusal: ExplorerError | None = None
    frozen: float | None = None
    """The moment that the display was frozen at, while it is."""

    # What happens

    def connecting(self) -> None:
        """Connecting is under way."""
        self.next_try = None

    def failed(self, error: ExplorerError, next_try: float | None) -> None:
        """Connecting failed, or the connection ended; it is tried again then, or only when somebody says so."""
        self.connected = self.heard = self.read = False
        self.error, self.next_try, self.lost = error, next_try, None

    def opened(self, now: float) -> None:
        """The connection is there; proofs of an earlier one do not count."""
        self.connected = True
        self.error = self.next_try = None
        self.heard = self.read = False
        self.lost = self.refusal = None
        self.required = now

    def established(self, method: str | None = None) -> None:
        """Changes are found out from here on."""
        self.heard, self.lost = True, None
        if method is not None:
            self.method = method

    def fell_silent(self, reason: str, now: float) -> None:
        """The watch was lost; only a proof from after it counts."""
        self.heard, self.lost = False, reason
        self.required = now

    def reading(self) -> None:
        """Something shown has to be read again before all of it is known to be true."""
        self.read = False

    def caught_up(self) -> None:
        """Everything shown has been read again."""
        self.read = True

    def proof(self, sent: float, now: float) -> bool:
        """An answer came to a question that was sent at that moment.

        Tells whether the proof before had lapsed. Then everything shown has to be read again: what happened meanwhile
        may still be on its way, and the answer came by another.
        """
        lapsed = self.proved is not None and now - self.proved >= GRACE
        self.proved = sent if self.proved is None else max(self.proved, sent)
        if sent >= self.required:
            self.silence = self.slept = self.next_try = None
        if lapsed:
            self.read = False
        return lapsed

    def no_proof(self, error: ExplorerError, next_try: float) -> None:
        """A question was not answered; the next one is asked then."""
        self.silence, self.next_try = error, next_try

    def woke(self, asleep: float, now: float) -> None:
        """The machine slept for so many seconds; everything has to be proved and read again."""
        self.slept = f"this machine slept for {asleep:.0f} s"
        self.required = now
        self.read = False

    # How that stands

    def judge(self, now: float) -> Liveness:
        """Tell how it stands at a moment."""
        if not self.connected:
            reason = self.error.message if self.error else "connecting"
            return Liveness(LivenessStatus.DISCONNECTED, reason, self.proved, self.next_try, self.error)
        unconnected = self.unconnected(now)
        if unconnected is not None:
            reason = unconnected.message
            return Liveness(LivenessStatus.DISCONNECTED, reason, self._true_until(), self.next_try, unconnected)
        standing, reason = self._judge(now)
        return Liveness(standing, reason, self._true_until(), error=self.silence, refusal=self.refusal)

    def _true_until(self) -> float | None:
        """Give the moment until which what is shown is known to be true."""
        if self.proved is None:
            return None
        lost = self.required if self.lost is not None else self.proved
        return min(self.proved, lost, self.proved if self.frozen is None else self.frozen)

    def unconnected(self, now: float) -> NotReachable | None:
        """Return why an open store has no connection to any server; None while it may have one.

        The last question for a proof could not even be sent, although that was tried for its whole time, and the last
        proof is too old to count.
        """
        if isinstance(self.silence, NotReachable) and not (self.silence.connected or self._fresh(now)):
            return self.silence
        return None

    def _counting(self) -> float | None:
        return self.proved if self.proved is not None and self.proved >= self.required else None

    def _fresh(self, now: float) -> bool:
        proved = self._counting()
        return proved is not None and now - proved < GRACE

    def _judge(self, now: float) -> tuple[LivenessStatus, str]:
        proved, fresh = self._counting(), self._fresh(now)
        if self.slept is not None:
            return LivenessStatus.STALE, self.slept
        if self.lost is not None:
            return LivenessStatus.STALE, self.lost
        if not fresh and (proved is not None or now - self.required >= GRACE):
            return LivenessStatus.STALE, self.silence.message if self.silence else "the store does not answer"
        if self.frozen is not None:
            return LivenessStatus.STALE, "frozen: f lets it go on"
        if not self.heard:
            return LivenessStatus.CATCHING_UP, "starting to watch"
        if not self.read:
            return LivenessStatus.CATCHING_UP, "reading what is shown"
        if self.lagging is not None:
            return LivenessStatus.CATCHING_UP, self.lagging
        if not fresh:
            return LivenessStatus.CATCHING_UP, "asking for a proof of life"
        return LivenessStatus.LIVE, self.refusal.message if self.refusal else self.method

    def turns(self, now: float) -> float | None:
        """Give the next moment at which the judgement changes by itself, if it will."""
        since = self.required if self.proved is None else max(self.proved, self.required)
        return since + GRACE if self.connected and since + GRACE > now else None
