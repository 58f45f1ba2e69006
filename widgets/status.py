"""Status of a session for a page: the header, and which actions are disabled; sent a few times a second at most."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from explorer.model.sanitize import sanitize
from explorer.session.actions import Action
from explorer.session.marked_keys import MARKING_ACTIONS
from explorer.session.session import Session
from explorer.session.status_text import MIN_AGE_SHOWN, status_parts, switch_titles
from widgets.panes.base import Json

STATUS_INTERVAL: Final = 0.25
"""Minimum number of seconds between two messages."""


class StatusFeed:
    """Sends the status when it differs from the last one; moments are seconds from now."""

    def __init__(self, session: Session, actions: Iterable[Action], send: Callable[[Mapping[str, Json]], None]) -> None:
        """Prepare without sending.

        Args:
            session: The session.
            actions: Actions that the page offers.
            send: Sends a message to the page.
        """
        self._session = session
        self._actions = tuple(actions)
        self._send = send
        self._sent: tuple[object, ...] = ()
        self._next_at = 0.0
        """Moment, on the loop's clock, from which on the next message may be sent."""
        self._timer: asyncio.TimerHandle | None = None

    def update(self) -> None:
        """Send the status if it changed, now or as soon as the interval allows."""
        loop = asyncio.get_running_loop()
        if self._timer is None:
            if loop.time() >= self._next_at:
                self._send_changed()
            else:
                self._timer = loop.call_at(self._next_at, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._send_changed()

    def close(self) -> None:
        """Send nothing any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _send_changed(self) -> None:
        session = self._session
        parts, liveness = status_parts(session), session.liveness
        status: dict[str, Json] = {
            "status": parts.status.value,
            "sign": parts.sign,
            "cause": parts.cause,
            "address": parts.address,
            "revision": parts.revision,
            "rate": parts.rate,
            "pending": parts.pending,
            "first": list(MARKING_ACTIONS) if session.marked.is_active else [],
            "frozen": parts.frozen,
            "writable": parts.writable,
            "writing": parts.writing,
            "titles": switch_titles(session),
            "lockable": session.is_lockable,
            "min_age": MIN_AGE_SHOWN,
        }
        disabled = {action.id: session.disabled_reason(action.id) for action in self._actions}
        status["disabled"] = {name: sanitize(reason) for name, reason in disabled.items() if reason is not None}
        facts = (status, liveness.proved_at, liveness.next_try)
        if facts == self._sent:
            return
        self._sent = facts
        now = session.clock.now()
        moments = {"proved": liveness.proved_at, "retry": liveness.next_try}
        for name, moment in moments.items():
            status[name] = None if moment is None else round(moment - now, 3)
        self._next_at = asyncio.get_running_loop().time() + STATUS_INTERVAL
        self._send({"type": "status", **status})
