"""Fixtures of the widgets' tests: widgets without a kernel, which are closed after each test."""

import asyncio
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from explorer.blocking.portal import portal
from explorer.drivers.memory import Database, MemoryStore
from explorer.model.address import parse
from explorer.session_opener import OpenedSession, open_session
from widgets import live_session
from widgets.base import SessionWidget


@pytest.fixture(autouse=True)
def own_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep drafts, settings and caches of a test in its own folder."""
    for kind in ("CONFIG", "STATE", "CACHE", "DATA"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / kind.lower()))


@pytest.fixture
def make() -> Generator[Callable[..., Any]]:
    """Return a function that makes a widget, closed after the test, and check that nothing of it is left then."""
    made: list[SessionWidget] = []

    def make_widget(kind: type[SessionWidget], source: str = "demo:", **options: Any) -> SessionWidget:
        made.append(kind(source, **options))
        return made[-1]

    yield make_widget
    for widget in reversed(made):
        widget.close()
    assert portal().run(_other_tasks()) == []


async def _other_tasks() -> list[str]:
    return [task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()]


class SharedMemory:
    """A database that the widgets of a test and its other clients share, through `memory:`."""

    def __init__(self) -> None:
        self.database = Database()

    def run(self, call: Callable[[MemoryStore], Any]) -> Any:
        """Run a call of another client on the portal's loop."""

        async def run_call() -> Any:
            async with MemoryStore(parse("memory:"), database=self.database) as store:
                return await call(store)

        return portal().run(run_call())

    def put(self, key: str, value: bytes = b"1") -> None:
        """Write an entry as another client."""
        self.run(lambda store: store.put(key, value))

    def delete(self, key: str) -> None:
        """Delete an entry as another client."""
        self.run(lambda store: store.delete(key))


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> SharedMemory:
    """Return a database that `memory:` opens in the widgets of this test."""
    shared = SharedMemory()

    def open_shared(*arguments: Any, **options: Any) -> OpenedSession:
        opened = open_session(*arguments, **options)
        session = opened.session
        session._open = lambda: MemoryStore(parse("memory:"), database=shared.database)  # noqa: SLF001 - no option for a test's database
        return replace(opened, session=session)

    monkeypatch.setattr(live_session, "open_session", open_shared)
    return shared
