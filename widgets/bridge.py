"""Bridge between one widget and its views in pages: it dispatches their messages and sends them what changes."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from explorer.model.sanitize import sanitize
from explorer.session.states import Part
from widgets.messages import Bye, Failure, Hello, InvalidMessage, Request, parse
from widgets.panes.base import Json
from widgets.view import View

if TYPE_CHECKING:
    from widgets.live_session import LiveSession

_LOG: Final = logging.getLogger(__package__)
VIEW_LIFETIME: Final = 600.0
"""Seconds after its last message at which a view is forgotten; a hidden page speaks once a minute."""
MAX_VIEWS: Final = 32
"""Maximum number of views of a widget; the one not heard of for longest is forgotten."""

Send: TypeAlias = Callable[[Mapping[str, Json], Sequence[bytes]], None]
"""Sends a message with its buffers to all pages."""


class Bridge:
    """The views of one widget. It runs on the session's loop; only `send` may be called on any thread."""

    def __init__(self, live: "LiveSession", panes: Sequence[str], send: Send, *, can_edit: bool) -> None:
        """Prepare a bridge.

        Args:
            live: Session to show.
            panes: Names of the panes that the widget shows.
            send: Sends a message to all pages.
            can_edit: Whether the widget may change the store, where the session may.
        """
        self.live = live
        self.panes = panes
        self.can_edit = can_edit
        self._send = send
        self._views: dict[str, View] = {}

    def receive(self, content: object, buffers: Sequence[object]) -> None:
        """Handle a message of a page; refuse and log one that is not allowed."""
        try:
            request = parse(content, buffers)
        except InvalidMessage as error:
            _LOG.warning("a message of a page was refused: %s", error)
            self._send({"type": "refused", "reason": str(error)}, ())
            return
        view = self._views.get(request.view)
        match request.body:
            case Hello():
                self._forget(request.view)
                self._views[request.view] = view = View(request.view, self, self._send)
                self._forget_views()
                view.welcome(request.id)
            case Bye():
                self._forget(request.view)
            case Failure(text=text):
                for line in text.splitlines():
                    _LOG.error("internal error in a page: %s", sanitize(line))
            case _ if view is None:  # it was forgotten
                self._send({"type": "unknown-view", "view": request.view}, ())
            case _:
                self._dispatch(view, request)

    def _dispatch(self, view: View, request: Request) -> None:
        try:
            view.receive(request)
        except Exception as error:  # noqa: BLE001 - a defect in a view must not end the session
            self.live.report(error, f"a message of a page: {type(request.body).__name__}")
            view.notify("internal error; details are in the log", "error")

    def _forget_views(self) -> None:
        """Forget views that were not heard of for long."""
        now = asyncio.get_running_loop().time()
        old = [name for name, view in self._views.items() if now - view.heard_at > VIEW_LIFETIME]
        by_age = sorted(self._views, key=lambda name: self._views[name].heard_at)
        for name in {*old, *by_age[: max(0, len(by_age) - MAX_VIEWS)]}:
            self._forget(name)

    def _forget(self, name: str) -> None:
        view = self._views.pop(name, None)
        if view is not None:
            view.close()

    @property
    def has_views(self) -> bool:
        """True if a page shows the widget."""
        return bool(self._views)

    # Sending

    def send_changes(self, parts: Part) -> None:
        """Send what changed to each view."""
        for view in tuple(self._views.values()):
            view.send_changes(parts)

    def send_heartbeat(self) -> None:
        """Send a sign of life to each view."""
        self._forget_views()
        for view in self._views.values():
            view.send_heartbeat()

    def send_closed(self, reason: str) -> None:
        """Send that nothing more will be sent."""
        self._send({"type": "closed", "reason": reason}, ())
        for name in tuple(self._views):
            self._forget(name)

    def notify(self, text: str, severity: str) -> None:
        """Show a sanitised line in each view."""
        for view in self._views.values():
            view.notify(text, severity)
