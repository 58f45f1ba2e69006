"""Rows of docs/coming-from.md: each is run as it is written, and what it says holds afterwards."""

import ast
import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from inspect import CO_COROUTINE
from pathlib import Path
from types import CodeType
from typing import Final, NamedTuple

import pytest

import explorer
from explorer.drivers.base import Store
from explorer.drivers.memory import MemoryStore
from explorer.model.address import parse
from tests.broker.messages import Greetings
from tests.servers.etcd import EtcdServer
from tests.servers.fixtures import prefix

__all__ = ["prefix"]

_PAGE: Final = Path(__file__).parents[2] / "docs" / "coming-from.md"
_CODE: Final = re.compile(r"`([^`]+)`")


class Row(NamedTuple):
    """A row of a table."""

    section: str
    call: str
    code: str
    afterwards: str

    def __str__(self) -> str:
        return f"{self.section}: {self.call}"


def rows() -> list[Row]:
    """Return the rows of all tables of the page."""
    found, section = [], ""
    for line in _PAGE.read_text().splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        elif line.startswith("|") and "`" in line:
            call, code, afterwards = line.strip("| ").split(" | ")
            (code,), (afterwards,) = _CODE.findall(code), _CODE.findall(afterwards)
            found.append(Row(section, call, code, afterwards))
    return found


async def run(code: CodeType, names: dict[str, object]) -> object:
    """Run code that may await at its top."""
    result = eval(code, names)  # noqa: S307 - the code of a page of ours
    return await result if code.co_flags & CO_COROUTINE else result


@pytest.fixture(params=["memory", "etcd"])
async def names(
    request: pytest.FixtureRequest, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[dict[str, object]]:
    """The names that the page introduces."""
    monkeypatch.chdir(tmp_path)
    server: EtcdServer | None = request.getfixturevalue("shared_etcd") if request.param == "etcd" else None
    url = f"etcd://{server.address}{prefix}" if server else "memory:"
    plugin = explorer.KvPlugin(explorer.open(url))
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(plugin)
        store = plugin.store
        entry = await store.put("app/key", b"value")
        await store.put("app/other", b"value")
        broker = plugin.new_broker("/myplugin/", Greetings)
        await broker.put("greetings/hello", Greetings(greeting="Hello"))
        backend_store: Store = explorer.open(url) if server else MemoryStore(parse("memory:"))
        backend = await stack.enter_async_context(explorer.Backend(backend_store, "service/voltha"))
        await backend.put("devices/1", b"one")
        yield {
            "asyncio": asyncio,
            "explorer": explorer,
            "Greetings": Greetings,
            "store": store,
            "entry": entry,
            "plugin": plugin,
            "broker": broker,
            "watcher": plugin.new_watcher("/myplugin/", Greetings),
            "backend": backend,
        }


@pytest.mark.parametrize("row", rows(), ids=str)
async def test_row_holds(row: Row, names: dict[str, object]) -> None:
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    async with asyncio.timeout(15):
        await run(compile(row.code, str(row), "exec", flags=flags), names)
        assert await run(compile(row.afterwards, str(row), "eval", flags=flags), names), row.afterwards


def test_page_has_every_section() -> None:
    counts: dict[str, int] = {}
    for row in rows():
        counts[row.section] = counts.get(row.section, 0) + 1
    assert counts.keys() == {"libkv and valkeyrie", "cn-infra", "voltha-lib-go"}
    assert min(counts.values()) >= 20
