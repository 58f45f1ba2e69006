"""An app that reports unexpected exceptions of its widgets and goes on.

Textual ends the message loop of a widget at the first exception of a handler, and has no setting for it: the widget,
or the whole screen, would never respond again although the app goes on. So all messages are dispatched with a guard.
"""

from typing import ClassVar, Final

from textual._context import active_message_pump
from textual.app import App
from textual.css.query import NoMatches
from textual.message import Message
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.widget import Widget

from explorer.session.internal_errors import InternalErrors

_DISPATCH: Final = MessagePump._dispatch_message  # noqa: SLF001 - Textual has no public way; a test holds us to it


class ErrorBoundaryApp(App[None]):
    """An app that survives unexpected exceptions if it has somewhere to report them."""

    BASE_SCREENS: ClassVar[int] = 2
    """Screens that are never left: Textual's own and the first of the app."""

    def __init__(self, errors: InternalErrors | None) -> None:
        """Initialise the app.

        Args:
            errors: Where unexpected exceptions are reported; without it they end the app.
        """
        MessagePump._dispatch_message = _dispatch  # type: ignore[method-assign, assignment]  # noqa: SLF001 - see above
        super().__init__()
        self._errors = errors
        self.failure: Exception | None = None
        """The unexpected exception that ended the app."""

    def start_reporting(self) -> None:
        """Show unexpected exceptions from now on instead of ending the app."""
        if self._errors is not None:
            self._errors.on_report = self._show_error

    @property
    def survives_exceptions(self) -> bool:
        """True if an unexpected exception is reported; before the first screen is shown it ends the app."""
        return self._errors is not None and self._errors.on_report is not None and self.is_running

    def _handle_exception(self, error: Exception) -> None:
        if self._errors is None or not self.survives_exceptions:
            self.failure = self.failure or error
            super()._handle_exception(error)
            return
        pump = active_message_pump.get(self)
        self._errors.report(error, f"{type(pump).__name__} on {type(self.screen).__name__}")
        screen = pump.screen if isinstance(pump, Widget) and not pump.is_mounted else None
        if screen is not None and len(self.screen_stack) > self.BASE_SCREENS:
            screen.call_later(_dismiss, screen)  # a screen that could not be composed is of no use

    def _show_error(self, line: str) -> None:
        """Show an error long enough to note where its details are; any task of the session may call this."""
        self.notify(line, severity="error", timeout=10)

    def _fatal_error(self) -> None:
        """End without Textual's traceback: it would show the values of variables, secrets included.

        The caller of the app raises the exception again.
        """
        self.bell()
        self._close_messages_no_wait()


async def _dispatch(pump: MessagePump, message: Message) -> None:
    try:
        await _DISPATCH(pump, message)
    except Exception as error:
        app = pump.app
        if isinstance(error, NoMatches) and isinstance(pump, Widget) and is_removed(pump):
            return
        if not (isinstance(app, ErrorBoundaryApp) and app.survives_exceptions):
            raise
        app._handle_exception(error)  # noqa: SLF001 - what Textual itself would call before it ends the loop


def is_removed(widget: Widget) -> bool:
    """Return whether a widget is being removed, as at the end of the app: Textual mounts nothing in it any more."""
    return widget._pruning or not widget.is_attached  # noqa: SLF001 - no public way


def _dismiss(screen: Screen[object]) -> None:
    if screen.is_current:
        screen.dismiss(None)  # not awaited: a screen cannot wait for its own end
