"""Real shells at a terminal, with the completion that `keyscope completion SHELL` sets up."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.cli.run_command import CHECKOUT
from tests.tui.terminal import Terminal

# A shell takes part in job control, so the terminal has to be its own, which a pty is not by itself.
_OWN_TERMINAL: Final = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)
_PROMPT: Final = "% "
READLINE: Final = "set show-all-if-ambiguous on\nset enable-bracketed-paste off\nset bell-style none\n"
_SETUPS: Final = {
    "bash": (
        ("bash", "--norc", "--noprofile", "-i"),
        f"PS1='{_PROMPT}'; eval \"$(keyscope completion bash)\"",
    ),
}


def install_command(folder: Path) -> Path:
    """Put a command `keyscope` that runs this checkout into a folder, and return the folder."""
    folder.mkdir()
    command = folder / "keyscope"
    command.write_text(f'#!/bin/sh\nPYTHONPATH={CHECKOUT} exec {sys.executable} -m explorer "$@"\n')
    command.chmod(0o755)
    return folder


class ShellTerminal(Terminal):
    """A shell at a terminal, ready for a command line."""

    def complete(self, line: str, *expected: str) -> str:
        """Type a line and TAB, and wait until the line at the prompt, or what is listed, is as expected."""
        self.type(f"\x15{line}\t")
        return self.shows(*expected)

    def run(self, *expected: str) -> str:
        """Enter the line as it stands and wait for what it prints."""
        self.press("enter")
        return self.shows(*expected)

    def standstill(self) -> str:
        """Return the last that was sent; a shell has no stacks to write."""
        return repr(self.sent[-400:])

    def clear(self) -> None:
        """Empty the line and the screen."""
        self.type("\x15\x0c")  # ctrl-U, ctrl-L
        self.until(lambda text: text.strip() == _PROMPT.strip(), "an empty screen")


@contextmanager
def shell(name: str, home: Path, **variables: str) -> Iterator[ShellTerminal]:
    """Start a shell with an empty home and the completion set up."""
    command, setup = _SETUPS[name]
    programs = install_command(home / "bin")
    (home / "inputrc").write_text(READLINE)
    given: Mapping[str, str] = {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "INPUTRC": str(home / "inputrc"),
        "HISTFILE": "",
        **variables,
    }
    with ShellTerminal(
        home=home, size=(160, 50), command=(sys.executable, "-c", _OWN_TERMINAL, *command), variables=given
    ) as terminal:
        terminal.type(f"{setup}; echo set-up=done\r")
        terminal.until(lambda text: "\nset-up=done" in text, "the completion set up")
        terminal.clear()
        yield terminal
