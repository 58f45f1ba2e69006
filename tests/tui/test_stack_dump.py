"""Where an app stands that no longer answers: the stacks of its threads and tasks."""

from pathlib import Path

import pytest

from tests.tui.terminal import Terminal


@pytest.mark.heavy
def test_stack_dump_names_threads_and_tasks(tmp_path: Path) -> None:
    """SIGUSR1 has the app append its stacks to a file of its own, and the app goes on."""
    with Terminal("memory:", home=tmp_path) as terminal:
        terminal.shows("LIVE")
        stacks = terminal.standstill()
        assert "_writer_thread.py" in stacks
        assert "Task keep connected:" in stacks
        assert "explorer/session/connection/" in stacks
        assert (tmp_path / "state" / "keyscope" / "stacks.log").stat().st_mode & 0o077 == 0
        assert terminal.quit() == 0
