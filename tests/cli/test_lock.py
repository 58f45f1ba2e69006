"""The verbs `locks` and `lock` as processes with a real etcd: holders, waiters and lost locks."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import explorer
from explorer.model.locks import LockInfo
from tests.cli.run_command import COMMAND, LINE_TIMEOUT, Lines, Result, Running, environment, run_process
from tests.servers.etcd import EtcdServer
from tests.servers.etcd2 import PlainV2
from tests.servers.waiting import wait_until

Locks = Callable[[], tuple[LockInfo, ...]]
PYTHON = sys.executable


@pytest.fixture
def etcd_version() -> str:
    """One version is enough: the driver is tested with all of them."""
    return "3.5"


@pytest.fixture
def url(shared_etcd: EtcdServer, prefix: str) -> str:
    return f"etcd://{shared_etcd.address}/{prefix}"


@pytest.fixture
def locks(url: str) -> Iterator[Locks]:
    """Return a function that reads the locks."""
    with explorer.connect(url) as store:
        yield store.locks


def hold_lock(url: str, *words: str, ttl: str = "20") -> Running:
    """Hold the lock `jobs` by a command that prints `held` and ends on a signal."""
    script = "import signal, sys; print('held', flush=True); signal.pause()"
    return Running("lock", url, "jobs", "--ttl", ttl, *words, "--", PYTHON, "-c", script)


def wait_for_waiter(locks: Locks) -> None:
    """Wait until a lock has a waiter."""
    wait_until(lambda: any(lock.waiters for lock in locks()), "it waits", LINE_TIMEOUT, pause=0.1)


def revoke(locks: Locks, server: EtcdServer) -> None:
    """Take the lease from the holder of the only lock."""
    (lock,) = locks()
    assert lock.holder is not None
    assert lock.holder.session is not None
    server.ctl("lease", "revoke", lock.holder.session)


def test_command_gets_key_and_fence_while_lock_is_held(url: str, locks: Locks) -> None:
    script = "import os; print(os.environ['KEYSCOPE_LOCK_KEY'], os.environ['KEYSCOPE_LOCK_FENCE'])"
    first, second = (run_process("lock", url, "jobs", "--", PYTHON, "-c", script) for _ in range(2))
    (key, fence), (_, later) = first.lines[0].split(), second.lines[0].split()
    assert key == "jobs"
    assert int(later) > int(fence)
    assert locks() == ()


@pytest.mark.parametrize("code", [0, 1, 9])
def test_lock_exits_with_the_code_of_the_command(url: str, code: int) -> None:
    assert run_process("lock", url, "jobs", "--", PYTHON, "-c", f"raise SystemExit({code})").code == code


def test_lock_exit_code_of_a_killed_command(url: str) -> None:
    script = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert run_process("lock", url, "jobs", "--", PYTHON, "-c", script).code == 128 + signal.SIGKILL


@pytest.mark.parametrize(("command", "code"), [("no-such-command", 127), (os.devnull, 126)])
def test_command_that_cannot_run_leaves_the_lock_free(url: str, locks: Locks, command: str, code: int) -> None:
    result = run_process("lock", url, "jobs", "--", command)
    assert result.code == code
    assert result.error.count("\n") == 1
    assert locks() == ()


def test_lock_wait_0_of_a_held_lock_exits_4(url: str) -> None:
    with hold_lock(url) as holder:
        assert holder.line() == "held"
        result = run_process("lock", url, "jobs", "--wait", "0", "--", "true")
    assert (result.code, result.output) == (4, b"")
    assert result.error.startswith("keyscope: ")


def test_locks_lists_waiters_who_get_the_lock_in_turn(
    url: str, locks: Locks, shared_etcd: EtcdServer, prefix: str
) -> None:
    with hold_lock(url) as holder:
        assert holder.line() == "held"
        with hold_lock(url, "--wait", "30") as waiter:
            wait_for_waiter(locks)
            (lock,) = run_process("locks", url, "--json").records
            assert (lock["key"], lock["kind"], lock["stale"]) == ("jobs", "etcd mutex", None)
            assert lock["holder"] not in lock["waiters"]
            assert 0 < lock["ttl"] <= 20
            assert isinstance(lock["fence"], int)
            assert lock["session"]
            table = run_process("locks", url).lines
            assert table[0].split()[:4] == ["KEY", "HOLDER", "WAITERS", "TTL"]
            assert table[1].startswith("jobs ")
            holder.process.send_signal(signal.SIGTERM)
            assert waiter.line() == "held"
            waiter.process.send_signal(signal.SIGTERM)
            assert waiter.end().code == 128 + signal.SIGTERM
    assert shared_etcd.keys(prefix) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_is_forwarded_and_the_lock_released(url: str, locks: Locks, number: signal.Signals) -> None:
    with hold_lock(url) as holder:
        assert holder.line() == "held"
        holder.process.send_signal(number)
        result = holder.end()
    assert result.code == (128 + number if number is not signal.SIGINT else result.code)
    assert result.code != 0
    assert locks() == ()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_the_wait_and_leaves_the_queue(url: str, locks: Locks, number: signal.Signals) -> None:
    with hold_lock(url) as holder:
        assert holder.line() == "held"
        with hold_lock(url) as waiter:
            wait_for_waiter(locks)
            waiter.process.send_signal(number)
            assert waiter.end().code == 128 + number
        assert [lock.waiters for lock in locks()] == [()]


def test_lost_lock_terminates_the_command(url: str, locks: Locks, shared_etcd: EtcdServer) -> None:
    with hold_lock(url, ttl="30") as holder:
        assert holder.line() == "held"
        revoke(locks, shared_etcd)
        result = holder.end()
    assert result.code == 4
    assert "lost" in result.error
    assert "Traceback" not in result.error


def test_lost_lock_kills_a_command_that_ignores_sigterm(url: str, locks: Locks, shared_etcd: EtcdServer) -> None:
    script = "import signal; signal.signal(15, signal.SIG_IGN); print('held', flush=True)\nwhile True: signal.pause()"
    with Running("lock", url, "jobs", "--ttl", "30", "--", PYTHON, "-c", script) as holder:
        assert holder.line() == "held"
        revoke(locks, shared_etcd)
        assert holder.end().code == 4


def test_lock_of_another_layout_is_refused_and_listed(shared_etcd2: EtcdServer, prefix: str) -> None:
    """Exit 4 at once, with the name of that layout; `locks` lists its holder if the prefix is given."""
    url = f"etcd2://{shared_etcd2.address}/{prefix.strip('/')}"
    with explorer.connect(url) as store, Running("lock", url, "jobs", "--layout", "libkv", "--", "sleep", "60"):
        wait_until(lambda: bool(store.locks("jobs")), "it is held", LINE_TIMEOUT, pause=0.1)
        result = run_process("lock", url, "jobs", "--", "true")
        assert (result.code, result.output) == (4, b"")
        assert "libkv" in result.error
        (lock,) = run_process("locks", url, "jobs", "--json").records
        assert (lock["layout"], lock["certain"]) == ("libkv", True)
    PlainV2(shared_etcd2).put(f"/{prefix.strip('/')}/other", "value=who&ttl=60")
    assert "libkv (possible)" in run_process("locks", url, "other").lines[1]


def test_lock_unknown_layout_lists_the_layouts(url: str) -> None:
    result = run_process("lock", url, "jobs", "--layout", "libkv", "--", "true")
    assert (result.code, result.output) == (1, b"")
    assert "concurrency" in result.error


def test_locks_of_an_empty_store_is_no_error(url: str) -> None:
    result: Result = run_process("locks", url)
    assert (result.code, result.output, result.error) == (0, b"", "no locks\n")


def test_command_gets_the_standard_input(url: str, tmp_path: Path) -> None:
    script = f"import sys; open({str(tmp_path / 'got')!r}, 'w').write(sys.stdin.read())"
    assert run_process("lock", url, "jobs", "--", PYTHON, "-c", script, stdin=b"for the command")
    assert (tmp_path / "got").read_text() == "for the command"


COUNT_SIGNALS = """
import os, select, signal, sys
signals, wakeup = os.pipe()
os.set_blocking(wakeup, False)
signal.set_wakeup_fd(wakeup)
signal.signal(signal.SIGINT, lambda *_: None)
count, times = 0, int(sys.argv[1])
for time in range(times):
    print("ready", flush=True)
    count += len(os.read(signals, 1))
    while select.select([signals], [], [], 0.1 if time < times - 1 else 0.5)[0]:
        count += len(os.read(signals, 100))
sys.exit(count)
"""
"""A command that counts signals: it prints `ready` for each, and waits briefly for a surplus one."""


def test_ctrl_c_at_a_terminal_reaches_the_command_once() -> None:
    times = 10  # one signal that follows another at once may become one with it, but hardly each time
    terminal = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"
    words = [*COMMAND, "lock", "demo:", "jobs", "--", PYTHON, "-c", COUNT_SIGNALS, str(times)]
    with subprocess.Popen(
        [PYTHON, "-c", terminal, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(),
        start_new_session=True,
    ) as process:
        try:
            assert process.stdin
            output = Lines(process.stdout)
            for _ in range(times):
                assert (output.next(time.monotonic() + LINE_TIMEOUT) or "").endswith(
                    "ready\r"
                )  # after the echo of a key
                process.stdin.write(b"\x03")
                process.stdin.flush()
            assert process.wait(LINE_TIMEOUT) == times
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
