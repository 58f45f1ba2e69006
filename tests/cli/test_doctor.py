"""The verb `doctor`: its findings and exit codes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from explorer.drivers import address_hints
from explorer.drivers.memory import MemoryStore
from explorer.drivers.memory.database import Database
from explorer.model.address import Access, Address
from explorer.model.entries import Revision, Status
from tests.cli.run_command import Run


def test_doctor_prints_a_line_per_finding(keyscope: Run, database: Database) -> None:
    database.put(b"a", b"")
    result = keyscope("doctor", "memory:")
    assert (result.code, result.error) == (0, "")
    states, subjects = zip(*(line.split()[:2] for line in result.lines), strict=True)
    assert set(states) == {"ok", "note"}
    for subject in ("store", "connection", "status", "latency_ms", "can", "cannot", "contents"):
        assert subject in subjects


def test_doctor_json_is_one_object(keyscope: Run, database: Database) -> None:
    database.put(b"a", b"")
    record = keyscope("doctor", "memory:", "--json").record
    assert (record["address"], record["healthy"], record["exit_code"]) == ("memory:", True, 0)
    assert record["status"]["product"]
    assert record["latency_ms"] >= 0
    assert "atomic" in record["can"]
    assert record["cannot"]["directories"]
    assert record["contents"] is True


@pytest.fixture
def _sibling(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the store of a nearby address read the same database."""

    def driver(_: Address) -> Callable[[Address, Access], MemoryStore]:
        return lambda address, access: MemoryStore(address, access, database=database)

    monkeypatch.setattr(address_hints, "driver", driver)


@pytest.mark.usefixtures("_sibling")
@pytest.mark.parametrize(
    ("stored", "url", "nearby"), [(b"/a/b", "memory:a", "memory:////a"), (b"a/b", "memory:////a", "memory:///a")]
)
def test_doctor_finds_a_slash_too_few_or_too_many(
    keyscope: Run, database: Database, stored: bytes, url: str, nearby: str
) -> None:
    database.put(stored, b"")
    result = keyscope("doctor", url)
    assert result.code == 0
    assert result.lines[-1].startswith("note contents")
    assert result.lines[-1].endswith(f"but there is below {nearby}")


def test_doctor_of_unreachable_store_exits_with_its_code(keyscope: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(self: MemoryStore) -> None:
        self.cut("pulled the plug")
        self.connection.check()

    monkeypatch.setattr(MemoryStore, "connect", refuse)
    result = keyscope("doctor", "memory:", "--json")
    assert result.code == 5
    assert (result.record["healthy"], result.record["exit_code"]) == (False, 5)
    assert result.record["findings"][-1]["state"] == "bad"
    assert result.error.count("\n") == 1


def test_doctor_latency_is_measured_by_pings(
    keyscope: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One status, then pings: a status asks every endpoint, and a silent one delays it."""
    database.put(b"a", b"")
    asked: list[str] = []
    status, ping = MemoryStore.status, MemoryStore.ping

    async def counted_status(self: MemoryStore) -> Status:
        asked.append("status")
        return await status(self)

    async def counted_ping(self: MemoryStore) -> Revision | None:
        asked.append("ping")
        return await ping(self)

    monkeypatch.setattr(MemoryStore, "status", counted_status)
    monkeypatch.setattr(MemoryStore, "ping", counted_ping)
    assert keyscope("doctor", "memory:").code == 0
    assert asked == ["status", *["ping"] * 5]


def test_doctor_of_an_empty_file_looks_at_no_other(run_here: Run, tmp_path: Path) -> None:
    """The folder above a file is no store; a directory without keys is none that has a value."""
    url = f"bolt://{tmp_path}/new.db"
    assert run_here("put", f"{url}?create", "bucket/key", "--value", "1")
    found = run_here("doctor", f"{url}/bucket/key").lines[-1]
    assert found.endswith(f"but it names a key: open {url}/bucket/ to see it")
    assert run_here("rm", url, "bucket/key", "--yes")
    assert run_here("doctor", f"{url}/bucket").lines[-1].endswith(f"no keys below {url}/bucket/")
    assert run_here("rm", url, "bucket", "--yes")
    result = run_here("doctor", url)
    assert (result.code, result.error) == (0, "")
    assert result.lines[-1].endswith(f"no keys below {url}")
