"""Blocking stores at process exit and after a fork: no hang, clear errors, nothing left open."""

import subprocess
import sys

import pytest

from tests.cli.run_command import environment
from tests.servers.etcd import EtcdServer
from tests.servers.fixtures import prefix, shared_etcd

__all__ = ["prefix", "shared_etcd"]


@pytest.fixture
def etcd_version() -> str:
    return "3.5"


QUIET = """
import logging
logging.getLogger('asyncio').addFilter(lambda record: not str(record.msg).startswith('Executing '))
"""
"""Silences asyncio's debug messages about slow steps, which a busy machine causes."""
LONG_TIMEOUTS = """
import explorer.drivers.common.connected_store as connected_store, explorer.blocking.portal as portal
assert connected_store._RELEASE_TIMEOUT and portal._CLOSE_TIMEOUT
connected_store._RELEASE_TIMEOUT = portal._CLOSE_TIMEOUT = 30.0
"""
"""Timeouts at exit for a busy machine; a timeout that was renamed fails the test."""


def run(script: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a new Python process in development mode."""
    return subprocess.run(
        [sys.executable, "-X", "dev", "-c", QUIET + script],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=environment(),
    )


@pytest.mark.parametrize(
    "left_open",
    [
        "",
        "lock = store.lock('l'); lock.acquire()",
        "events = store.watch_tree(''); events.__enter__()",
        "walk = store.walk(''); next(walk)",
    ],
    ids=["a store", "a lock", "a watch", "a walk"],
)
def test_process_exits_with_something_left_open(left_open: str) -> None:
    """The process exits without a hang, a warning or a traceback."""
    done = run(f"import explorer\nstore = explorer.connect('demo:')\n{left_open}\nprint('end')")
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")


def test_process_exits_while_another_thread_waits() -> None:
    """A call that waits in a daemon thread does not prevent the exit."""
    done = run(
        "import explorer, threading\nstore = explorer.connect('memory:')\nstore.lock('l').acquire()\n"
        "threading.Thread(target=store.lock('l').acquire, daemon=True).start()\n"
        "while not any(lock.waiters for lock in store.locks()): pass\nprint('end')"
    )
    assert (done.returncode, done.stdout) == (0, "end\n")


def test_lock_left_held_is_released_at_exit(shared_etcd: EtcdServer, prefix: str) -> None:
    """No contender of the lock is left in the store."""
    url = f"etcd://{shared_etcd.address}/{prefix}"
    done = run(
        f"{LONG_TIMEOUTS}import explorer\nstore = explorer.connect({url!r})\n"
        "lock = store.lock('l')\nlock.acquire()\nprint('end')"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")
    assert shared_etcd.ctl("get", "--prefix", "--keys-only", prefix).strip() == ""


def test_fork_must_connect_again() -> None:
    """A store of the parent raises in the child, which can connect a new one."""
    done = run(
        "import explorer, os, sys\nstore = explorer.connect('memory:')\npid = os.fork()\n"
        "if pid:\n    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"
        "try:\n    store.get('k')\nexcept RuntimeError as error:\n    print('fork' in str(error), flush=True)\n"
        "store.close()\nown = explorer.connect('memory:')\nprint(own.put('k', b'v').value, flush=True)\n"
        "own.close()\nos._exit(0)"
    )
    assert done.returncode == 0
    assert done.stdout.splitlines() == ["True", "b'v'"]


def test_import_starts_no_thread_and_loads_no_client() -> None:
    """The portal's thread starts, and a client is imported, at the first connect."""
    done = run(
        "import explorer, explorer.blocking, sys, threading\n"
        "print(threading.active_count(), *(name for name in ('grpc', 'textual') if name in sys.modules))"
    )
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_script_reads_writes_and_watches_etcd(shared_etcd: EtcdServer, prefix: str) -> None:
    """A plain script uses a real store without asyncio."""
    url = f"etcd://{shared_etcd.address}/{prefix}"
    done = run(
        f"import explorer\nwith explorer.connect({url!r}) as store:\n"
        "    with store.watch_tree('') as events:\n        next(events)\n        store.put('k', b'v')\n"
        "        print(events.next(timeout=10).entry.value)\n    print([entry.key for entry in store.walk('')])"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "b'v'\n['k']\n", "")
