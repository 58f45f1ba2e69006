"""Console of a cell: a verb runs on the portal's loop, and the cell's own thread shows what it prints."""

import sys
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import nullcontext
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Final, Literal

from explorer.blocking.portal import portal
from explorer.cli.console import ByteStream, Console
from explorer.cli.exit_codes import UsageError
from explorer.data.extras import progress_bar
from explorer.model.sanitize import sanitize

_MAX_COLLECTED: Final = 1 << 16
"""Bytes that are collected before they are shown, unless the verb flushes before."""


@dataclass(frozen=True, slots=True)
class Output:
    """Text for standard output or standard error of the cell."""

    stream: Literal["stdout", "stderr"]
    text: str


class _OutputQueue(ByteStream):
    """Output of a verb on its way to the cell's thread; None is its end."""

    def __init__(self) -> None:
        self._collected: list[bytes] = []
        self._size = 0
        self.queue: SimpleQueue[Output | None] = SimpleQueue()

    def write(self, data: bytes, /) -> None:
        self._collected.append(data)
        self._size += len(data)
        if self._size >= _MAX_COLLECTED:
            self.flush()

    def flush(self) -> None:
        text = b"".join(self._collected).decode()
        self._collected.clear()
        self._size = 0
        if text:
            self.queue.put(Output("stdout", text))


class CellConsole(Console):
    """Console whose standard input is the text of a `%%kv` cell.

    Args:
        json: Whether records are printed, for `--json`.
        text: Text of the cell; None for a line without one.
    """

    def __init__(self, *, json: bool, text: str | None) -> None:
        self._outputs = _OutputQueue()
        self._text = text
        super().__init__(json=json, output=self._outputs)

    def write_bytes(self, data: bytes) -> None:
        """Refuse bytes.

        Raises:
            UsageError: A cell shows text.
        """
        del data
        raise UsageError("a cell shows text, no raw bytes", hint="use --as text or --as hex; or store.get(KEY).value")

    def print_note(self, text: str) -> None:
        """Print one line to standard error, after the output so far."""
        self.flush()
        self._outputs.queue.put(Output("stderr", f"{sanitize(text)}\n"))

    @property
    def is_interactive(self) -> bool:
        """False: nobody is asked for confirmation in a cell."""
        return False

    async def read_stdin(self) -> bytes:
        """Return the text of the cell, without the line feed that ends its last line.

        Raises:
            UsageError: It is a line and no cell.
        """
        if self._text is None:
            raise UsageError("no value", hint="use --value or --file; or %%kv put, with the value in the lines below")
        return self._text.removesuffix("\n").encode()

    def show(self, work: Coroutine[object, object, int], *, progress: str | None = None) -> int:
        """Run a verb on the portal, show what it prints as it comes, and return its exit code.

        An interrupt cancels the verb, and is raised when that has ended.

        Args:
            work: The verb.
            progress: Name of a progress bar that counts the lines; None for no bar.

        Raises:
            Exception: The verb failed.
            KeyboardInterrupt: The verb was interrupted.
        """
        loop = portal()
        with nullcontext(_ignore) if progress is None else progress_bar(progress, "lines") as advance:
            call = loop.submit(work)
            call.future.add_done_callback(self._on_done)
            try:
                self._show_outputs(advance)
            except KeyboardInterrupt:
                loop.call_soon(call.cancel)
                self._show_outputs(_ignore)
                raise
        return call.future.result()

    def _on_done(self, _: Future[int]) -> None:
        self.flush()
        self._outputs.queue.put(None)

    def _show_outputs(self, advance: Callable[[int], object]) -> None:
        while (output := self._outputs.queue.get()) is not None:
            (sys.stdout if output.stream == "stdout" else sys.stderr).write(output.text)
            advance(output.text.count("\n"))


def _ignore(_: int) -> None:
    """Count nothing."""
