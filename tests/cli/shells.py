"""Real shells at a terminal, with the completion of `keyscope completion SHELL`."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from tests.cli.run_command import CHECKOUT
from tests.servers.programs import FISH, SERVERS, ZSH
from tests.servers.programs import environment as program_environment
from tests.servers.require import require
from tests.tui.terminal import Terminal

# A shell takes part in job control, so the terminal has to be its own, which a pty is not by itself.
_OWN_TERMINAL: Final = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)
_PROMPT: Final = "$ "
_MAX_TRIES: Final = 4
_COMPLETION_TIMEOUT: Final = 10.0
"""Seconds after which TAB is pressed again: a busy machine may exceed the time limit of completion."""
READLINE: Final = "set show-all-if-ambiguous on\nset enable-bracketed-paste off\nset bell-style none\n"
"""Settings of readline: list all completions at once, and send only what is typed to the screen."""


def _bash() -> tuple[tuple[str, ...], str]:
    return ("bash", "--norc", "--noprofile", "-i"), f"PS1='{_PROMPT}'; eval \"$(keyscope completion bash)\""


def _zsh() -> tuple[tuple[str, ...], str]:
    line = require(ZSH)
    paths = ""
    if (program := Path(line[0])).is_relative_to(SERVERS):  # unpacked: it looks for its modules where it would be
        home = program.parents[1]
        (modules,) = home.glob("usr/lib/*/zsh/*")
        paths = f"module_path=({modules}); fpath=({home}/usr/share/zsh/functions/**/*(/)); "
    setup = (
        f"PS1='{_PROMPT}'; {paths}zmodload zsh/zle; setopt zle; autoload -Uz compinit; compinit -D -u; "
        'eval "$(keyscope completion zsh)"'
    )
    return (*line, "-f", "-i", "+Z"), setup


def _fish() -> tuple[tuple[str, ...], str]:
    setup = (
        f"function fish_prompt; echo '{_PROMPT}'; end; set -g fish_autosuggestion_enabled 0; "
        "keyscope completion fish | source"
    )
    return (*require(FISH), "-N", "-i"), setup


_SHELLS: Final = {"bash": _bash, "zsh": _zsh, "fish": _fish}


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
        for _ in range(_MAX_TRIES - 1):
            self.type(f"\x15{line}\t")
            with suppress(AssertionError):
                return self.shows(*expected, within=_COMPLETION_TIMEOUT)
        self.type(f"\x15{line}\t")
        return self.shows(*expected)

    def run(self, *expected: str) -> str:
        """Press enter, and wait for the output."""
        self.press("enter")
        return self.shows(*expected)

    def standstill(self) -> str:
        """Return the end of the output; a shell has no stacks to dump."""
        return repr(self.sent[-400:])

    def clear(self) -> None:
        """Empty the line and the screen."""
        self.type("\x15\x0c")  # ctrl-U, ctrl-L
        self.until(lambda text: text.strip() == _PROMPT.strip(), "an empty screen")


@contextmanager
def shell(name: str, home: Path, **variables: str) -> Iterator[ShellTerminal]:
    """Start a shell with an empty home and the completion set up."""
    command, setup = _SHELLS[name]()
    programs = install_command(home / "bin")
    (home / "inputrc").write_text(READLINE)
    given: Mapping[str, str] = {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "INPUTRC": str(home / "inputrc"),
        "HISTFILE": "",
        "LD_LIBRARY_PATH": program_environment(command).get("LD_LIBRARY_PATH", ""),
        **variables,
    }
    with ShellTerminal(
        home=home, size=(160, 50), command=(sys.executable, "-c", _OWN_TERMINAL, *command), variables=given
    ) as terminal:
        terminal.type(f"{setup}; echo set-up''=done\r")
        terminal.until(lambda text: "set-up=done" in text, "the completion set up")
        terminal.clear()
        yield terminal
