"""Open dialogs of one view: they are numbered, and each waits for its answer."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import count as counter
from typing import TypeVar

from explorer.session.states import Option
from widgets.dialogs import Dialog, Reply, option_messages
from widgets.messages import Answer
from widgets.panes.base import Json

Value = TypeVar("Value")


class ViewDialogs:
    """The dialogs that one view shows.

    Args:
        send: Sends a message to the page.
    """

    def __init__(self, send: Callable[[Mapping[str, Json]], None]) -> None:
        self._send = send
        self._answers: dict[int, asyncio.Future[Answer]] = {}
        """Answers that flows wait for, by the number of the dialog."""
        self._hints: dict[int, Callable[[str], str]] = {}
        self._numbers = counter(1)

    async def ask(
        self, dialog: Dialog[Value], find_more: Callable[[], Awaitable[Sequence[Option[Value]]]] | None = None
    ) -> Reply[Value] | None:
        """Show a dialog and return the reply; None if it was closed without one.

        Args:
            dialog: The question.
            find_more: Returns further options, which are added when they are found; it may take a while.
        """
        number = next(self._numbers)
        self._answers[number] = answered = asyncio.get_running_loop().create_future()
        if dialog.hint is not None:
            self._hints[number] = dialog.hint
        self._send(dialog.message(number, is_searching=find_more is not None))
        options = list(dialog.options)
        try:
            async with asyncio.TaskGroup() as group:
                search = None
                if find_more is not None:
                    search = group.create_task(self._add_options(number, options, find_more))
                answer = await answered
                if search is not None:
                    search.cancel()
        finally:
            self._answers.pop(number, None)
            self._hints.pop(number, None)
            self._send({"type": "dialog-closed", "dialog": number})
        if not 0 <= answer.choice < len(options):
            return None
        if dialog.typed and answer.choice == len(options) - 1 and answer.text != dialog.typed:
            return None
        return Reply(options[answer.choice].value, answer.text)

    async def _add_options(
        self, number: int, options: list[Option[Value]], find_more: Callable[[], Awaitable[Sequence[Option[Value]]]]
    ) -> None:
        options += await find_more()
        self._send({"type": "dialog-options", "dialog": number, "options": option_messages(options)})

    def take(self, answer: Answer) -> None:
        """Take an answer of the page; one to a dialog that is closed is dropped."""
        waiting = self._answers.pop(answer.dialog, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def hint(self, number: int, text: str) -> str:
        """Return how a dialog reads a text that is typed in it; "" if there is nothing to say."""
        return self._hints[number](text) if number in self._hints else ""

    def close(self) -> None:
        """Close all without an answer."""
        for waiting in self._answers.values():
            waiting.cancel()
