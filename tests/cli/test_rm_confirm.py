"""Confirmation of `rm` at a pseudo-terminal, with a real etcd."""

import codecs
import os
import pty
import select
import subprocess
import time
from collections.abc import Callable
from typing import Self

import pytest

from tests.cli.run_command import COMMAND, environment
from tests.servers.etcd import EtcdServer


class TerminalRun:
    """The command at a pseudo-terminal; its output goes to a pipe, as in `keyscope rm ... | tee log`."""

    def __init__(self, *words: str) -> None:
        self._terminal, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [*COMMAND, *words],
            stdin=theirs,
            stderr=theirs,
            stdout=subprocess.PIPE,
            env=environment(),
            start_new_session=True,
        )
        os.close(theirs)
        self.screen = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()
        os.close(self._terminal)

    def wait_for(self, text: str, within: float = 30) -> None:
        """Wait until a text is on the terminal."""
        deadline = time.monotonic() + within
        while text not in self.screen:
            ready, _, _ = select.select([self._terminal], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"{text!r} is not among {self.screen!r}"
            try:
                self.screen += self._decoder.decode(os.read(self._terminal, 4096))
            except OSError:  # the other end is closed
                pytest.fail(f"{text!r} is not among {self.screen!r}")

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def wait_end(self) -> tuple[int, bytes]:
        output, _ = self.process.communicate(timeout=30)
        return self.process.returncode, output


@pytest.fixture
def etcd_version() -> str:
    return "3.5"


@pytest.fixture
def url(shared_etcd: EtcdServer, prefix: str) -> str:
    shared_etcd.put_keys(f"{prefix}{key}" for key in ("a", "a/b", "a/c/d", "ab"))
    return f"etcd://{shared_etcd.address}/{prefix}"


@pytest.fixture
def left(shared_etcd: EtcdServer, prefix: str) -> Callable[[], list[str]]:
    """Return a function that lists the keys by etcdctl."""
    return lambda: shared_etcd.keys(prefix)


@pytest.mark.parametrize("answer", ["\n", "n\n", "\x04"], ids=["return", "no", "ctrl-D"])
def test_rm_any_other_answer_deletes_nothing(url: str, left: Callable[[], list[str]], answer: str) -> None:
    with TerminalRun("rm", url, "a") as terminal:
        terminal.wait_for("Delete it? [y/N]")
        terminal.type(answer)
        assert terminal.wait_end() == (0, b"")
    assert left() == ["a", "a/b", "a/c/d", "ab"]


def test_rm_yes_deletes_the_entry(url: str, left: Callable[[], list[str]]) -> None:
    with TerminalRun("rm", url, "a") as terminal:
        terminal.wait_for("Delete it? [y/N]")
        assert "1 byte" in terminal.screen
        terminal.type("y\n")
        assert terminal.wait_end() == (0, b"deleted a\n")
    assert left() == ["a/b", "a/c/d", "ab"]


def test_rm_keeps_what_changed_since_it_was_shown(url: str, shared_etcd: EtcdServer, prefix: str) -> None:
    with TerminalRun("rm", url, "a") as terminal:
        terminal.wait_for("Delete it? [y/N]")
        shared_etcd.ctl("put", f"{prefix}a", "new")
        terminal.type("y\n")
        assert terminal.wait_end() == (4, b"")
    assert shared_etcd.value(f"{prefix}a") == "new"


def test_rm_recursive_deletes_after_its_name_is_typed(url: str, left: Callable[[], list[str]]) -> None:
    with TerminalRun("rm", url, "a", "--recursive") as terminal:
        terminal.wait_for("Type a to confirm:")
        assert "2 entries below 'a/'" in terminal.screen
        terminal.type("a\n")
        assert terminal.wait_end() == (0, b"deleted 2 below 'a/'\n")
    assert left() == ["a", "ab"]


def test_rm_recursive_keeps_a_tree_that_changed(
    url: str, left: Callable[[], list[str]], shared_etcd: EtcdServer, prefix: str
) -> None:
    with TerminalRun("rm", url, "a", "--recursive") as terminal:
        terminal.wait_for("Type a to confirm:")
        shared_etcd.ctl("put", f"{prefix}a/new", "v")
        terminal.type("a\n")
        assert terminal.wait_end() == (4, b"")
    assert "a/b" in left()


def test_rm_recursive_another_name_deletes_nothing(url: str, left: Callable[[], list[str]]) -> None:
    with TerminalRun("rm", url, "a", "--recursive") as terminal:
        terminal.wait_for("Type a to confirm:")
        terminal.type("ab\n")
        assert terminal.wait_end() == (0, b"")
    assert len(left()) == 4


def test_rm_of_the_store_needs_its_address_typed(url: str, left: Callable[[], list[str]]) -> None:
    with TerminalRun("rm", url, "", "--recursive") as terminal:
        terminal.wait_for(f"Type {url} to confirm:")
        terminal.type(f"{url}\n")
        assert terminal.wait_end() == (0, f"deleted 4 below {url}\n".encode())
    assert left() == []


def test_rm_ctrl_c_at_the_question_deletes_nothing(url: str, left: Callable[[], list[str]]) -> None:
    with TerminalRun("rm", url, "a") as terminal:
        terminal.wait_for("Delete it? [y/N]")
        terminal.process.send_signal(2)
        assert terminal.wait_end() == (130, b"")
    assert "a" in left()


def test_put_value_typed_at_the_terminal_ends_with_ctrl_d(url: str, shared_etcd: EtcdServer, prefix: str) -> None:
    with TerminalRun("put", url, "typed") as terminal:
        terminal.wait_for("end with ctrl-D")
        terminal.type("a line\n\x04")
        code, output = terminal.wait_end()
    assert (code, output.strip().isdigit()) == (0, True)
    assert shared_etcd.value(f"{prefix}typed") == "a line\n"
