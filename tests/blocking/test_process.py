"""Blocking stores and the end of the process: it never hangs, forks are told, and what is left open is closed."""

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
"""Keeps asyncio's debug mode from telling how long the steps of tasks take: that is the machine's affair."""
PATIENT = """
import explorer.drivers.common.network_store, explorer.blocking.portal
explorer.drivers.common.network_store._FAREWELL = explorer.blocking.portal._PATIENCE = 30.0
"""
"""Has a process wait at its end for what a busy machine is slow to do."""


def run(script: str) -> subprocess.CompletedProcess[str]:
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
def test_the_process_ends_although_something_was_left_open(left_open: str) -> None:
    done = run(f"import explorer\nstore = explorer.connect('demo:')\n{left_open}\nprint('end')")
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")


def test_it_ends_while_another_thread_still_waits() -> None:
    done = run(
        "import explorer, threading\nstore = explorer.connect('memory:')\nstore.lock('l').acquire()\n"
        "threading.Thread(target=store.lock('l').acquire, daemon=True).start()\n"
        "while not any(lock.waiters for lock in store.locks()): pass\nprint('end')"
    )
    assert (done.returncode, done.stdout) == (0, "end\n")


def test_a_lock_that_was_left_held_is_given_up_at_the_end(shared_etcd: EtcdServer, prefix: str) -> None:
    url = f"etcd://{shared_etcd.address}/{prefix}"
    done = run(
        f"{PATIENT}import explorer\nstore = explorer.connect({url!r})\n"
        "lock = store.lock('l')\nlock.acquire()\nprint('end')"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")
    assert shared_etcd.ctl("get", "--prefix", "--keys-only", prefix).strip() == ""


def test_a_forked_process_is_told_to_connect_again_and_can() -> None:
    done = run(
        "import explorer, os, sys\nstore = explorer.connect('memory:')\npid = os.fork()\n"
        "if pid:\n    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"
        "try:\n    store.get('k')\nexcept RuntimeError as error:\n    print('fork' in str(error), flush=True)\n"
        "store.close()\nown = explorer.connect('memory:')\nprint(own.put('k', b'v').value, flush=True)\n"
        "own.close()\nos._exit(0)"
    )
    assert done.returncode == 0
    assert done.stdout.splitlines() == ["True", "b'v'"]


def test_importing_starts_no_thread_and_loads_no_client_library() -> None:
    done = run(
        "import explorer, explorer.blocking, sys, threading\n"
        "print(threading.active_count(), *(name for name in ('grpc', 'textual') if name in sys.modules))"
    )
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_a_real_store_is_used_from_a_script(shared_etcd: EtcdServer, prefix: str) -> None:
    url = f"etcd://{shared_etcd.address}/{prefix}"
    done = run(
        f"import explorer\nwith explorer.connect({url!r}) as store:\n"
        "    with store.watch_tree('') as events:\n        next(events)\n        store.put('k', b'v')\n"
        "        print(events.next(timeout=10).entry.value)\n    print([entry.key for entry in store.walk('')])"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "b'v'\n['k']\n", "")
