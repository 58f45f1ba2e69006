"""View: one display of a widget in a page, with the rows it has."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from explorer.model.errors import CallNotSupported, ExplorerError
from explorer.model.sanitize import sanitize
from explorer.session.actions import ELSEWHERE, HELP_TITLE, TYPING_IGNORED, TYPING_PAUSE, Action, Need, Place, key_label
from explorer.session.key_lookup import FoundNode
from explorer.session.result_commands import RESULT_ACTIONS
from explorer.session.session import Session
from explorer.session.states import Option, Part
from widgets.dialogs import Dialog, Reply
from widgets.edit_flows import EDIT_FLOWS, confirm_save
from widgets.flows import FLOWS
from widgets.journal_flows import JOURNAL_FLOWS
from widgets.list_window import ListWindow
from widgets.messages import (
    PROTOCOL,
    Alive,
    Answer,
    Click,
    Complete,
    Filter,
    Go,
    Hint,
    More,
    Paste,
    Perform,
    Request,
    Save,
    Tab,
    Text,
    Window,
)
from widgets.panes.base import Json, Pane
from widgets.status import StatusFeed
from widgets.view_dialogs import ViewDialogs

if TYPE_CHECKING:
    from widgets.bridge import Bridge
    from widgets.live_session import LiveSession

Value = TypeVar("Value")

_LISTS: Final = {action.id for action in RESULT_ACTIONS} - {"again", "stop", "all-stores", *JOURNAL_FLOWS}
"""Actions on lists of results, for which the widgets have methods."""
TERMINAL_ACTIONS: Final = frozenset({"suspend", "quit", "edit-outside", "revision", *_LISTS})
"""Actions that pages do not offer: they need a terminal, or a screen that only the terminal app has."""
_CHANGES: Final = Need.WRITABLE | Need.EDIT | Need.CONFLICT
"""Needs of the actions that change the store or the open edit."""
_SHOWS_ONLY: Final = "this widget shows values; ValueEditor edits them"
_OPENED_ELSEWHERE: Final = "the editor is open in the widget that shows the value"
_CURSORS: Final = Part.TREE | Part.LOCKS | Part.CHANGES | Part.RESULTS
ASKING_ACTIONS: Final = frozenset({*FLOWS, *EDIT_FLOWS})
"""Actions that may ask something or open the editor: a page holds keys until that is shown."""
_MAX_PRESSES: Final = 1000
"""Key presses of one message that are performed."""


class View:
    """A display of a widget: it has a window on the rows of each pane, and its own dialogs."""

    def __init__(
        self, name: str, bridge: "Bridge", send: Callable[[Mapping[str, Json], Sequence[bytes]], None]
    ) -> None:
        self.name = name
        self.heard_at = 0.0
        """Moment of its last message, on the loop's clock."""
        self._bridge = bridge
        self._live = bridge.live
        self._session = bridge.live.session
        self._send_all = send
        self._windows = {
            pane.name: ListWindow(pane)
            for pane in self._live.panes.values()
            if pane.name in bridge.panes or (pane.shown_in in bridge.panes and bridge.can_edit)
        }
        self._actions = [action for action in self._session.actions if action.id not in TERMINAL_ACTIONS]
        self._status = StatusFeed(self._session, self._actions, self._send)
        self._bodies: dict[str, int] = {}
        """Version of the text that was sent last, by pane."""
        self._typed = 0
        """Version of the text that was typed last in this view."""
        self._dialogs = ViewDialogs(self._send)
        self._flow: asyncio.Task[None] | None = None
        self._hear()

    @property
    def session(self) -> Session:
        """The session that is shown."""
        return self._session

    @property
    def live(self) -> "LiveSession":
        """The session with its panes."""
        return self._live

    # Messages of the page

    def welcome(self, request_id: int) -> None:
        """Send what the page must know before anything else."""
        self._send(
            {
                "type": "welcome",
                "id": request_id,
                "protocol": PROTOCOL,
                "panes": list(self._bridge.panes),
                "actions": [_action_message(action) for action in self._actions],
                "labels": {pane.name: pane.label for pane in self._live.panes.values()},
                "texts": {"help": HELP_TITLE, "elsewhere": ELSEWHERE},
                "typing": {"pause": TYPING_PAUSE, "ignored": TYPING_IGNORED},
                "signs": {pane.name: list(pane.signs) for pane in self._live.panes.values()},
            }
        )
        self._status.update()
        for line in self._live.messages:
            self.notify(sanitize(line), "warning")

    def receive(self, request: Request) -> None:
        """Handle a message that is not about the view itself."""
        self._hear()
        match request.body:
            case Alive():
                pass
            case Window() as window:
                self._open_window(window)
            case Click(pane=pane, row=number, gesture=gesture):
                self._click(pane, number, gesture)
            case Perform() as perform:
                flow = self._flow
                self._perform(perform)
                if perform.action in ASKING_ACTIONS and self._flow is flow:  # no flow was started
                    self._send_done()
            case Filter(text=text):
                self._live.tree.filter(text)
            case Go(text=text):
                self._live.start(self.go(self._session.lookup.find_typed(text)), name="go to a key")
            case Answer() as answer:
                self._dialogs.take(answer)
            case Hint(dialog=number, text=text):
                self._send({"type": "reply", "id": request.id, "text": self._dialogs.hint(number, text)})
            case Complete(text=text):
                self._live.start(self._complete(request.id, text), name="complete a key")
            case Text() | Paste() | Save() if not self._bridge.can_edit:
                self._refuse("Edit", _SHOWS_ONLY)
            case Text(edit=number, base=base):
                self._take_text(request, number, base)
            case Paste() as paste:
                self._paste(request, paste)
            case Save() as save:
                self._save(request, save)
            case Tab(name=name):
                self._live.value.show_tab(name)
            case More(pane=pane, version=version, start=start):
                self._send_part(pane, version, start)
            case _:
                self.notify("not supported here", "warning")
        self.send_changes(Part(0))
        if isinstance(request.body, Click | Perform | Filter):
            self._live.request_frame(_CURSORS)  # other views follow

    def _hear(self) -> None:
        self.heard_at = asyncio.get_running_loop().time()

    def _open_window(self, request: Window) -> None:
        window = self._windows.get(request.pane)
        if window is not None:
            self._send(window.open(request, self._session.clock.now()))
            self._send_body(window.pane)

    def _click(self, pane: str, number: int, gesture: str) -> None:
        window = self._windows.get(pane)
        row = None if window is None else window.row(number)
        if window is not None and row is not None:  # else it is gone
            window.pane.click(row, gesture)
            self._follow_jump(window.pane)

    def _perform(self, request: Perform) -> None:
        if request.action not in self._session.actions or request.action in TERMINAL_ACTIONS:
            return
        action = self._session.actions[request.action]
        reason = self._session.disabled_reason(action.id)
        if reason is None and not self._bridge.can_edit and (action.needs & _CHANGES or action.id == "writing"):
            reason = _SHOWS_ONLY
        if reason is not None:
            self._refuse(action.title, reason)
            return
        window = self._windows.get(request.pane)
        times = max(1, min(request.times, _MAX_PRESSES))
        if window is not None and window.pane.perform(action.id, times, window.height):
            self._follow_jump(window.pane)
            return
        flows = EDIT_FLOWS if window is not None and window.pane.shown_in == "value" else FLOWS
        if action.id in flows:
            self._start_flow(flows[action.id](self), action.id)
            return
        if action.id == "save":
            self._live.edit.save(0)
            return
        try:
            self._session.start(action.id)
        except (KeyError, CallNotSupported):
            self.notify(f"{action.title}: not supported here", "warning")

    def _follow_jump(self, pane: Pane) -> None:
        """Show what an action leads to."""
        jump = pane.take_jump()
        if jump is not None:
            self.focus(jump.pane)
            if jump.key is not None:
                self._live.start(self.go(self._session.lookup.find_nearest(jump.key)), name="go to a key")

    def focus(self, pane: str) -> None:
        """Move the focus to a pane, if this view has it."""
        if pane in self._windows:
            self._send({"type": "focus", "pane": pane})

    def show_editor(self) -> None:
        """Move the focus to the value, or say that the editor is in another widget."""
        if "value" in self._windows:
            self.focus("value")
        else:
            self.notify(_OPENED_ELSEWHERE, "information")

    async def go(self, lookup: Awaitable[FoundNode]) -> None:
        """Select what a lookup finds, and say what it does not."""
        found = await lookup
        if found.node is not None:
            await self._live.show(found.node)
        notice = found.missing_text(found.key)
        if notice:
            self.notify(sanitize(notice), "warning")
        self.send_changes(Part(0))

    async def _complete(self, request_id: int, text: str) -> None:
        completed, problem = None, ""
        try:
            completed = await self._session.lookup.complete_typed(text)
        except ExplorerError as error:
            problem = self._session.lookup.no_completion(error)
        self._send({"type": "reply", "id": request_id, "text": completed, "problem": problem})

    def _refuse(self, title: str, reason: str) -> None:
        self.notify(sanitize(f"{title}: {reason}"), "warning")

    # The editor

    def _take_text(self, request: Request, number: int, base: int) -> bool:
        """Take a typed text, and answer with the version of the edit's text; return whether it was taken."""
        pane = self._live.edit
        text = (request.buffer or b"").decode(errors="surrogatepass")
        # what this view has sent before is in its text, whether it knows the version or not
        version, problem = pane.take_text(number, max(base, self._typed), text)
        if not problem:
            self._typed = version
            if version == pane.text_version:
                self._bodies[pane.name] = version  # this view has it
            else:
                self._bodies.pop(pane.name, None)  # it was merged
        self._send({"type": "reply", "id": request.id, "version": version, "problem": problem})
        return not problem

    def _paste(self, request: Request, paste: Paste) -> None:
        text = (request.buffer or b"").decode(errors="surrogatepass")
        base = max(paste.base, self._typed)
        answer = self._live.edit.paste(paste.edit, base, text, paste.start, paste.stop)
        self._send({"type": "reply", "id": request.id, **answer._asdict()})

    def _save(self, request: Request, save: Save) -> None:
        reason = self._session.disabled_reason("save")
        if request.buffer is not None and not self._take_text(request, save.edit, save.base):
            return
        if reason is not None:
            self._refuse(self._session.actions["save"].title, reason)
        elif save.edit == self._live.edit.number:
            if self._live.edit.needs_answers(save.review):
                self._start_flow(confirm_save(self, save.review), "confirm a save")
            else:
                self._live.edit.save(save.review)

    # Dialogs

    def _start_flow(self, flow: Coroutine[object, object, None], name: str) -> None:
        """Start a flow in place of the one that still asks something."""
        if self._flow is not None:
            self._flow.cancel()
        self._flow = self._live.start(self._run_flow(flow), name=name)

    async def _run_flow(self, flow: Coroutine[object, object, None]) -> None:
        """Run a flow; once what it opened is shown, the page no longer holds keys."""
        try:
            await flow
        finally:
            if self._flow is asyncio.current_task():  # else another flow took its place
                self._live.send_now()
                self._send_done()

    def _send_done(self) -> None:
        """Send that what was asked for is shown or refused; the page holds keys from the key that starts a flow on."""
        self._send({"type": "done"})

    async def ask(
        self, dialog: Dialog[Value], find_more: Callable[[], Awaitable[Sequence[Option[Value]]]] | None = None
    ) -> Reply[Value] | None:
        """Show a dialog in this view and return the reply; None if it was closed without one.

        Args:
            dialog: The question.
            find_more: Returns further options, which are added when they are found; it may take a while.
        """
        return await self._dialogs.ask(dialog, find_more)

    def close(self) -> None:
        """End the flow and its dialogs without an answer."""
        self._status.close()
        if self._flow is not None:
            self._flow.cancel()
        self._dialogs.close()

    # Messages to the page

    def send_changes(self, parts: Part) -> None:
        """Send what the page does not have yet.

        Args:
            parts: Parts of the session that changed; others are compared only if they may have moved a cursor.
        """
        now = self._session.clock.now()
        for window in self._windows.values():
            if window.is_open and (not parts or parts & window.pane.parts):
                patch = window.patch(now)
                if patch is not None:
                    self._send(patch)
                self._send_body(window.pane)
        if not parts or parts & (Part.LIVENESS | Part.DETAIL | Part.EDIT):
            self._status.update()

    def send_heartbeat(self) -> None:
        """Send a sign of life with the numbers of the last messages, by which the page sees that one was lost."""
        sent: dict[str, Json] = {name: window.last_sent for name, window in self._windows.items() if window.is_open}
        self._send({"type": "heartbeat", "sent": sent})

    def _send_body(self, pane: Pane) -> None:
        version = pane.text_version
        if version is not None and version != self._bodies.get(pane.name):
            self._bodies[pane.name] = version
            self._send_part(pane.name, version, 0)

    def _send_part(self, pane: str, version: int, start: int) -> None:
        window = self._windows.get(pane)
        body = None if window is None else window.pane.part(version, start)
        if body is not None:  # else another text is on its way
            message = {"version": body.version, "start": body.start, "next": body.next}
            self._send({"type": "body", "pane": pane, **message}, body.text.encode())

    def copy(self, text: str, done: str) -> None:
        """Write a sanitised text to the clipboard of the page, which then shows that it is done."""
        self._send({"type": "copy", "done": done}, text.encode())

    def notify(self, text: str, severity: str) -> None:
        """Show a sanitised line."""
        self._send({"type": "notice", "text": text, "severity": severity})

    def _send(self, message: Mapping[str, Json], *buffers: bytes) -> None:
        self._send_all({**message, "view": self.name}, buffers)


def _action_message(action: Action) -> Mapping[str, Json]:
    return {
        "id": action.id,
        "title": action.title,
        "help": action.help,
        "keys": list(action.keys),
        "labels": [key_label(key) for key in action.keys],
        "places": [(place.name or "").lower() for place in Place if place & action.places],
        "hints": {(place.name or "").lower(): action.key_hint(place) for place in Place if place & action.places},
        "group": action.group,
        "priority": action.priority,
        "asks": action.id in ASKING_ACTIONS,
        "input": action.opens_input,
    }
