"""Keys that are pressed faster than dialogs open: they go to the next dialog or nowhere, never to the screen below."""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from functools import partial
from typing import Final, TypeAlias

from textual.dom import DOMNode
from textual.events import Event, Key, Paste
from textual.message import Message
from textual.screen import Screen
from textual.worker import Worker

from explorer.session.actions import TYPING_IGNORED, TYPING_PAUSE
from explorer.session.internal_errors import InternalErrors
from explorer.tui.dialogs.base import Dialog
from explorer.tui.error_boundary import ErrorBoundaryApp

Input: TypeAlias = Key | Paste
Flow: TypeAlias = Callable[[], Awaitable[object]]
_QUIT: Final = "ctrl+q"
"""The key that is never held: a flow may wait for a store that does not answer."""
_ESCAPE: Final = "escape"
"""The key that is never dropped: it closes what is open, and changes nothing."""
_TEXT_KEYS: Final = frozenset({"enter", "tab", "backspace", "delete"})
"""Keys that belong to typed text, beside the printable ones."""


class KeyHold:
    """Holds keys while a flow has no dialog open; it ends when the keys are delivered or dropped.

    Args:
        app: The app whose keys are held.
        screen: The screen that the flow was started on. A dialog above it gets the keys.
    """

    def __init__(self, app: "TypeAheadApp", screen: Screen[object]) -> None:
        self._app = app
        self.screen = screen
        self.worker: Worker[object] | None = None
        """The worker that runs the flow."""

    def release(self) -> None:
        """Deliver the keys to what has the focus: no dialog follows."""
        self._app.end_hold(self)

    def drop(self, until: float | None = None) -> None:
        """Drop the keys pressed before a time, by default now: what they were typed for does not open, or closed."""
        if self._app.end_hold(self):
            self._app.drop_keys(until)
            self._app.ignore_typing(TYPING_IGNORED, is_ongoing=True)


class TypingGuard:
    """Text that is typed on although the screen that it is for does not show, or closed.

    Its keys would run actions. They are dropped until there is a pause, or a key that does not belong to a text.

    Args:
        since: When its last key was pressed, in the time of Textual's events.
        notice: Notice for the first key that is dropped.
    """

    def __init__(self, since: float, notice: str) -> None:
        self.since = since
        self.notice = notice
        self.has_notified = False

    def includes(self, event: Input, pause: float) -> bool:
        """Return whether a key belongs to the text, and take it for its last one."""
        if not is_typed(event) or event.time - self.since >= pause:
            return False
        self.since = event.time
        return True


def is_typed(event: Input) -> bool:
    """Return whether a key or a paste may be part of a text."""
    return isinstance(event, Paste) or event.is_printable or event.key in _TEXT_KEYS


_CURRENT_HOLD: Final[ContextVar[KeyHold]] = ContextVar("current_hold")


def release_keys() -> None:
    """Deliver the keys that the running flow holds, and hold no more: none of its dialogs follows."""
    _CURRENT_HOLD.get().release()


def drop_keys() -> None:
    """Drop the keys pressed since the running flow began: the screen that they were typed for is closed."""
    _CURRENT_HOLD.get().drop()


def run_flow(node: DOMNode, flow: Flow, *, group: str) -> None:
    """Run a flow in a worker of the app; see `TypeAheadApp.run_flow`."""
    app = node.app
    if not isinstance(app, TypeAheadApp):
        message = f"{type(app).__name__} runs no flows"
        raise TypeError(message)
    app.run_flow(flow, group=group)


class TypeAheadApp(ErrorBoundaryApp):
    """An app that keeps the keys pressed between two dialogs of a flow.

    A flow, such as the name of a new key and then its editor, waits between its dialogs: for the store, or for the
    next turn of the event loop. The screen below is on top then, and would run the typed text as actions. So keys are
    held until the next dialog is shown, which gets those that it accepts. If none follows, the flow says so by
    `release_keys`, and the screen below gets them; a flow that ends without that has failed, and they are dropped.

    Somebody who types does not stop at once because nothing opened, or something else did. So what is typed on is
    ignored until a pause, see `ignore_typing`.

    Textual handles keys one by one in the queue of the app, where they are held in their order.
    """

    typing_pause: float = TYPING_PAUSE
    """Seconds without a key after which typed keys are no longer ignored."""

    def __init__(self, errors: InternalErrors | None) -> None:
        super().__init__(errors)
        self._guard: TypingGuard | None = None
        self._last_typed = 0.0
        """When the last key was pressed, if it may be part of a text."""
        self._holds: list[KeyHold] = []
        self._held_keys: list[Input] = []
        self._dropped_until = 0.0
        """Time of Textual's events; what was pressed before is dropped."""

    def run_flow(self, flow: Flow, *, group: str) -> None:
        """Run a sequence of dialogs in a worker, and hold keys while none of them is open.

        Args:
            flow: The sequence; it calls `release_keys` when no dialog follows.
            group: Name of the flow; another one of the same name is cancelled.
        """
        hold = self.hold_keys()
        hold.worker = self.run_worker(partial(_run, flow, hold), group=group, exclusive=True)

    def hold_keys(self) -> KeyHold:
        """Hold keys until the returned hold ends, unless another screen is on top."""
        hold = KeyHold(self, self.screen)
        self._holds.append(hold)
        return hold

    def end_hold(self, hold: KeyHold) -> bool:
        """End a hold, and return whether there was one."""
        if hold not in self._holds:
            return False
        self._holds.remove(hold)
        self._schedule_delivery()
        return True

    def drop_keys(self, until: float | None = None) -> None:
        """Drop the keys pressed before a time, by default now: what they were for was refused, or does not open."""
        self._dropped_until = Message().time if until is None else max(until, self._dropped_until)

    def ignore_typing(self, notice: str, *, is_ongoing: bool = False) -> None:
        """Ignore keys that belong to a text, until a pause, or a key that does not; not where a text is edited.

        Args:
            notice: Notice for the first key that is ignored.
            is_ongoing: Whether to do so only if a text is being typed by now.
        """
        self._guard = TypingGuard(self._last_typed if is_ongoing else Message().time, notice)

    def requeue_keys(self, keys: list[Key]) -> None:
        """Deliver keys to what has the focus, before those that were pressed later."""
        if keys:
            self._held_keys[:0] = keys
            self._schedule_delivery()

    async def on_event(self, event: Event) -> None:
        """Hold a key or a paste, drop it, or let Textual handle it."""
        if not isinstance(event, Key | Paste) or event.is_forwarded or self._is_due(event):
            await super().on_event(event)

    @property
    def takes_text(self) -> bool:
        """True if the focus is where a text is edited."""
        focused = next((screen.focused for screen in self.screen_stack[-1:]), None)  # no screen while the app ends
        return focused is not None and focused.check_consume_key("a", "a")

    def _is_due(self, event: Input) -> bool:
        """Return whether a key is handled now; else it is held or dropped."""
        key = event.key if isinstance(event, Key) else ""
        if key == _QUIT:
            return True
        self._last_typed = max(self._last_typed, event.time) if is_typed(event) else 0.0
        if event.time < self._dropped_until and key != _ESCAPE:
            if self._guard is not None:
                self._guard.since = max(self._guard.since, self._last_typed)
            return False
        screen = next(iter(self.screen_stack[-1:]), None)
        dialog = screen if isinstance(screen, Dialog) else None
        is_hidden = dialog is not None and dialog.shown_at is None
        if self._held_keys or is_hidden or any(hold.screen is screen for hold in self._holds):
            self._held_keys.append(event)
            return False
        is_early = dialog is not None and dialog.shown_at is not None and event.time < dialog.shown_at
        if dialog is not None and is_early and not dialog.accepts_type_ahead(event):
            return False
        return not self._is_ignored(event)

    def _is_ignored(self, event: Input) -> bool:
        """Return whether a key belongs to a text that is typed for what does not show."""
        guard = self._guard
        if guard is None:
            return False
        if self.takes_text or not guard.includes(event, self.typing_pause):
            self._guard = None
            return False
        if not guard.has_notified:
            guard.has_notified = True
            self.notify(guard.notice, severity="warning")
        return True

    def _schedule_delivery(self) -> None:
        """Deliver the held keys soon; those that are to be held longer stay in their order."""
        self.call_later(self._deliver)

    async def _deliver(self) -> None:
        keys, self._held_keys = self._held_keys, []
        for key in keys:
            await self.on_event(key)

    def on_dialog_shown(self, event: Dialog.Shown) -> None:
        """Deliver the keys that were pressed before the dialog was shown; ignore a text if it was not expected."""
        self._guard = None
        if event.dialog.is_unexpected:
            self.ignore_typing(TYPING_IGNORED)
        self._schedule_delivery()

    def on_dialog_dismissed(self) -> None:
        """Deliver keys that were pressed for a dialog that was never shown."""
        self._schedule_delivery()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Drop the keys of a flow that ended without releasing them."""
        if event.worker.is_finished:
            for hold in [hold for hold in self._holds if hold.worker is event.worker]:
                hold.drop(event.time)  # its end: what is pressed while the message waits is for what is shown by now


async def _run(flow: Flow, hold: KeyHold) -> None:
    _CURRENT_HOLD.set(hold)
    await flow()
