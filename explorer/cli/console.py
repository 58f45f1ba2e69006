"""Standard input, output and error of the command: sanitized lines, JSON objects, and raw bytes."""

import asyncio
import errno
import json
import os
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Final, Protocol, TextIO

from explorer.cli.exit_codes import UsageError, print_stderr
from explorer.cli.progress_line import ProgressLine
from explorer.model.progress import progress_listener
from explorer.model.sanitize import sanitize

_READ_SIZE: Final = 1 << 16


class ByteStream(Protocol):
    """Destination of output."""

    def write(self, data: bytes, /) -> object:
        """Write bytes."""

    def flush(self) -> object:
        """Show what was written."""


class Console:
    """Standard input, output and error of one run; all text is sanitized here.

    Args:
        json: Whether records are printed, for `--json`.
        output: Destination of UTF-8 in place of standard output.
    """

    def __init__(self, *, json: bool, output: ByteStream | None = None) -> None:
        self.json = json
        if output is None and sys.stdout is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF), "standard output")
        self._encoding = "utf-8" if output is not None else sys.stdout.encoding or "utf-8"
        self._output = output or sys.stdout.buffer
        self._progress: ProgressLine | None = None

    # Output

    def print_line(self, text: str) -> None:
        """Print one line; line feeds in the text are escaped."""
        self._write_text(sanitize(text))

    def print_text(self, text: str | bytes) -> None:
        """Print a text with its line feeds and tabs."""
        self._write_text(sanitize(text, multiline=True).removesuffix("\n"))

    def print_record(self, record: Mapping[str, object]) -> None:
        """Print a JSON object on one line, in ASCII, so that nothing in it acts on a terminal."""
        text = json.dumps(record, ensure_ascii=True, allow_nan=False)
        self._write_text(text.replace("\x7f", "\\u007f"))  # DEL is the one control that JSON does not escape

    def write_bytes(self, data: bytes) -> None:
        """Write bytes unchanged."""
        self._output.write(data)

    def flush(self) -> None:
        """Flush standard output."""
        self._output.flush()

    def print_note(self, text: str) -> None:
        """Print one line to standard error, after the output so far."""
        self.flush()
        if self._progress is not None:
            self._progress.clear()
        print_stderr(sanitize(text))

    # Progress

    @contextmanager
    def progress(self) -> Generator[None, None, None]:
        """Show the progress of what is awaited in the block, if standard error is a terminal and it takes a while."""
        if not _is_terminal(sys.stderr):
            yield
            return
        line = ProgressLine(sys.stderr)
        self._progress = line
        try:
            with progress_listener(line.show):
                yield
        finally:
            self._progress = None
            line.clear()

    def _write_text(self, text: str) -> None:
        if self._progress is not None:
            self._progress.clear()
        self._output.write(f"{text}\n".encode(self._encoding, "backslashreplace"))

    # Input

    @property
    def is_interactive(self) -> bool:
        """True if standard input and standard error are a terminal."""
        return _is_terminal(sys.stdin) and _is_terminal(sys.stderr)

    async def prompt(self, question: str) -> str:
        """Return the answer to a question at the terminal; empty at the end of input."""
        self.flush()
        sys.stderr.write(f"{sanitize(question)} ")
        sys.stderr.flush()
        await _wait_readable(sys.stdin.fileno())
        return sys.stdin.readline().strip()

    async def read_stdin(self) -> bytes:
        """Return standard input to its end; at a terminal a note says how to end it.

        Raises:
            UsageError: Standard input is closed.
        """
        if sys.stdin is None:
            raise UsageError("standard input is closed", hint="use --value or --file")
        if _is_terminal(sys.stdin):
            self.print_note("reading the value from the terminal, end with ctrl-D")
        descriptor = sys.stdin.fileno()
        parts: list[bytes] = []
        while True:
            await _wait_readable(descriptor)
            part = os.read(descriptor, _READ_SIZE)
            if not part:
                return b"".join(parts)
            parts.append(part)


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()


async def _wait_readable(descriptor: int) -> None:
    """Wait until a descriptor is readable; unlike a blocking read, this can be cancelled."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    try:
        loop.add_reader(descriptor, ready.set)
    except PermissionError:
        return  # a file, which is always ready
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)
