"""The app with a log: the file tells what happened, and nothing of it reaches the terminal."""

import sys
from pathlib import Path

import pytest

from tests.servers.etcd import EtcdCluster
from tests.servers.waiting import wait_until
from tests.tui.terminal import WIDE, Terminal

PASSWORD = "pass-canary-5f1e"  # noqa: S105 - of the server of this test
VALUE = "value-canary-77aa"


@pytest.mark.servers
def test_log_of_app_with_losing_cluster(tmp_path: Path) -> None:
    """Saves, liveness, endpoints and watches are logged with their reasons; no secret and no value is."""
    file = tmp_path / "keyscope.log"

    def logged(*events: str) -> None:
        wait_until(lambda: all(event in file.read_text() for event in events), f"{events} in the log", 60.0)

    with EtcdCluster("3.5") as cluster:
        first = cluster.members[0]
        first.enable_auth(PASSWORD)
        first.ctl("put", "app", VALUE)
        url = f"etcd://root:{PASSWORD}@{cluster.addresses}/"
        words = ("--write", "--log-file", str(file), "--log-level", "debug", url)
        with Terminal(*words, home=tmp_path, size=WIDE) as terminal:
            terminal.shows("LIVE", "app", VALUE)
            logged(
                "watch of all keys: started",
                f"connected to {first.address}",
                "explorer.session.connection LIVE",
                "level of the top: 1 children",
            )
            terminal.press("e")
            terminal.shows("from rev")
            terminal.type("typed ")
            terminal.shows("modified; ctrl+s")
            terminal.press("ctrl+s")
            terminal.shows("Save app?")
            terminal.press("ctrl+s")
            terminal.shows("saved app")
            logged("atomic put app in ", "edit of app: saved")
            first.kill()
            logged(
                f"connection to {first.address} lost: ",
                "watch of all keys: lost: ",
                "explorer.session.connection STALE: ",
            )
            logged("watch of all keys: restored")
            for member in cluster.members[1:]:
                member.kill()
            logged("explorer.session.connection DISCONNECTED: ")
            assert terminal.quit() == 0
            for words_of_the_log in (b"explorer.drivers", b" info explorer"):
                assert words_of_the_log not in terminal.sent
    text = file.read_text()
    for secret in (PASSWORD, VALUE, "typed"):
        assert secret not in text


def test_internal_error_is_in_the_log_without_its_message(tmp_path: Path) -> None:
    file = tmp_path / "keyscope.log"
    broken = (sys.executable, "-m", "tests.tui.crashing_app")
    words = ("--log-file", str(file), "memory:")
    with Terminal(*words, home=tmp_path, command=broken, internal_errors=True) as terminal:
        terminal.shows("LIVE")
        terminal.press("?")
        terminal.shows("internal error: RuntimeError in")
        assert terminal.quit() == 0
    lines = [line for line in file.read_text().splitlines() if " error explorer.session " in line]
    assert "internal error: RuntimeError in " in lines[0]
    assert any("_fail" in line for line in lines)
    assert "[2Jmemory:" not in file.read_text()
