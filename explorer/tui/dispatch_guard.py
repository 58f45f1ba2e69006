"""Keeps widgets alive whose message handlers raise an exception that nobody expected.

Textual ends the message loop of a widget at the first exception, and has no setting for it: the widget, or the whole
screen, would never answer again although the app goes on.
"""

from typing import Final, Protocol, runtime_checkable

from textual.message import Message
from textual.message_pump import MessagePump

_DISPATCH: Final = MessagePump._dispatch_message  # noqa: SLF001 - Textual has no public way; a test holds us to it


@runtime_checkable
class DispatchGuard(Protocol):
    """An app that reports exceptions and goes on."""

    @property
    def outlives_failures(self) -> bool:
        """Whether it does so now."""

    def _handle_exception(self, error: Exception) -> None: ...


async def _dispatch(pump: MessagePump, message: Message) -> None:
    try:
        await _DISPATCH(pump, message)
    except Exception as error:
        app = pump.app
        if not (isinstance(app, DispatchGuard) and app.outlives_failures):
            raise
        app._handle_exception(error)  # noqa: SLF001 - what Textual itself would call, before it ends the loop


def install() -> None:
    """Have the messages of all widgets dispatched with the guard."""
    MessagePump._dispatch_message = _dispatch  # type: ignore[method-assign, assignment]  # noqa: SLF001 - see above
