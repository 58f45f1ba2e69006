"""Where the command reads from and writes to: lines that are harmless, objects for programs, bytes untouched."""

import asyncio
import errno
import json
import os
import sys
from collections.abc import Mapping
from typing import Final, TextIO

from explorer.cli.exit_codes import UsageError, say
from explorer.model.sanitize import sanitize

_AT_ONCE: Final = 1 << 16


class Console:
    """Standard input, output and error of one run.

    All text goes through `inert` here, so that no verb can forget it.
    """

    def __init__(self, *, json: bool) -> None:
        self.json = json
        if sys.stdout is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF), "standard output")
        self._encoding = sys.stdout.encoding or "utf-8"
        self._output = sys.stdout.buffer

    # Output

    def line(self, text: str) -> None:
        """Print one line, whatever is in the text."""
        self._text(sanitize(text))

    def lines(self, text: str | bytes) -> None:
        """Print a text with the line feeds and tabs that it has."""
        self._text(sanitize(text, multiline=True).removesuffix("\n"))

    def record(self, content: Mapping[str, object]) -> None:
        """Print one JSON object on one line: ASCII alone, so that nothing in it acts on a terminal."""
        text = json.dumps(content, ensure_ascii=True, allow_nan=False)
        self._text(text.replace("\x7f", "\\u007f"))  # DEL is the one control that JSON does not escape

    def raw(self, data: bytes) -> None:
        """Write bytes as they are."""
        self._output.write(data)

    def flush(self) -> None:
        """Let the reader have what was printed."""
        self._output.flush()

    def note(self, text: str) -> None:
        """Say one line on standard error, for a person beside the output."""
        self.flush()
        say(sanitize(text))

    def _text(self, text: str) -> None:
        self._output.write(f"{text}\n".encode(self._encoding, "backslashreplace"))

    # Input

    @property
    def interactive(self) -> bool:
        """Whether a person sits there who can be asked."""
        return _is_terminal(sys.stdin) and _is_terminal(sys.stderr)

    async def ask(self, question: str) -> str:
        """Ask a person a question of one line; the answer is empty when there is none."""
        self.flush()
        sys.stderr.write(f"{sanitize(question)} ")
        sys.stderr.flush()
        await _readable(sys.stdin.fileno())
        return sys.stdin.readline().strip()

    async def read_input(self) -> bytes:
        """Read standard input to its end; a person at a terminal is told that it is being read."""
        if sys.stdin is None:
            raise UsageError("standard input is closed", hint="give the value with --value or --file")
        if _is_terminal(sys.stdin):
            self.note("reading the value from this terminal until ctrl-D")
        descriptor = sys.stdin.fileno()
        parts: list[bytes] = []
        while True:
            await _readable(descriptor)
            part = os.read(descriptor, _AT_ONCE)
            if not part:
                return b"".join(parts)
            parts.append(part)


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()


async def _readable(descriptor: int) -> None:
    """Wait until there is something to read; unlike a read that blocks, this can be interrupted."""
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
