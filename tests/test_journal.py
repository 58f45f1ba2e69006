"""The journal of this person's changes: complete, in order, closed to others, and any alteration is noticed."""

import asyncio
import multiprocessing
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.drivers.base import Store
from explorer.drivers.common.journaled import journaled_driver
from explorer.drivers.memory import MemoryStore
from explorer.journal import MAX_KEPT_VALUE, Journal, JournalRecord
from explorer.model.address import Access, parse
from explorer.model.entries import NO_META, Entry, Meta, Revision
from explorer.model.errors import KeyModified, OutcomeUnknown
from explorer.model.operations import ABSENT, DeleteOperation, PutOperation

KEYS = st.binary(max_size=8).map(lambda data: data.decode("utf-8", "surrogateescape"))


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal")


def record(key: str, old: bytes | None = None) -> JournalRecord:
    return JournalRecord("etcd://h/", key, "update", 1, 2, old)


@given(KEYS, st.none() | st.binary(max_size=8), st.integers(1, 9) | st.text(max_size=3) | st.none())
def test_line_is_read_as_it_was_written(key: str, old: bytes | None, revision: Revision | None) -> None:
    """Keys and values of any bytes survive."""
    meta: Meta = {"flags": 7, "acl": key}
    written = JournalRecord("etcd://h/", key, "update", revision, None, old, "detail", "@p", meta=meta)
    read = JournalRecord.of_line(written.to_line("0"))
    assert read.meta == meta
    assert (read.key, read.old, read.before, read.detail, read.profile) == (key, old, revision, "detail", "@p")


def test_records_are_kept_in_order(journal: Journal) -> None:
    journal.append([record("a"), record("b", b"\xff")])
    journal.append([record("c")])
    assert [one.key for one in journal.records()] == ["a", "b", "c"]
    assert journal.damage() == ""


def test_files_are_closed_to_others(journal: Journal) -> None:
    journal.append([record("a")])
    (file,) = journal.folder.iterdir()
    assert (stat.S_IMODE(file.stat().st_mode), stat.S_IMODE(journal.folder.stat().st_mode)) == (0o600, 0o700)


def test_large_value_is_kept_as_its_digest(journal: Journal) -> None:
    journal.append([record("a", bytes(MAX_KEPT_VALUE + 1))])
    (one,) = journal.records()
    assert one.old is None
    (file,) = journal.folder.iterdir()
    assert '"old_sha256"' in file.read_text()


@pytest.mark.parametrize("alteration", ["change", "remove", "insert", "cut"])
def test_altered_file_is_noticed(journal: Journal, alteration: str) -> None:
    """A line that was changed, taken out or put in breaks the chain; the others are still read."""
    for key in "abc":
        journal.append([record(key)])
    (file,) = journal.folder.iterdir()
    lines = file.read_bytes().splitlines(keepends=True)
    match alteration:
        case "change":
            lines[1] = lines[1].replace(b'"update"', b'"create"')
        case "remove":
            del lines[1]
        case "insert":
            lines.insert(1, lines[0])
        case _:
            lines[1] = lines[1][:20] + b"\n"
    file.write_bytes(b"".join(lines))
    assert journal.damage().startswith(f"{file.name} line ")
    assert "c" in [one.key for one in journal.records()]


def _append(folder: Path, name: str) -> None:
    for number in range(20):
        Journal(folder).append([record(f"{name}{number}", b"x" * 3000)])


def test_processes_append_at_the_same_time(journal: Journal) -> None:
    """No line is lost or torn, and the chain holds."""
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_append, args=(journal.folder, name)) for name in "ab"]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert len(list(journal.records())) == 40
    assert journal.damage() == ""


def make(journal: Journal, driver: type[Store] = MemoryStore) -> Store:
    return journaled_driver(driver, journal)(parse("memory:place"), Access())


def actions(journal: Journal) -> Sequence[tuple[str, str, bytes | None]]:
    return [(one.action, one.key, one.old) for one in journal.records()]


async def test_every_write_of_a_store_is_kept(journal: Journal) -> None:
    """Whatever call writes, the journal has the key, the revisions and the value that was replaced."""
    async with make(journal) as store:
        one = await store.put("a", b"1")
        two = await store.atomic_put("a", b"2", one.revision)
        await store.atomic_delete("a", two)
        await store.transact([PutOperation("b", b"3", ABSENT), PutOperation("c/d", b"4")])
        await store.transact([DeleteOperation("b")])
        assert await store.delete_tree("c") == 1
        await store.put("e", b"5")
        await store.delete("e")
    assert actions(journal) == [
        ("create", "a", None),
        ("update", "a", b"1"),
        ("delete", "a", b"2"),
        ("create", "b", None),
        ("create", "c/d", None),
        ("delete", "b", b"3"),
        ("delete", "c/d", b"4"),
        ("create", "e", None),
        ("delete", "e", b"5"),
    ]
    _, second, *_ = journal.records()
    assert (second.before, second.after, second.store) == (one.revision, two.revision, "memory:///place")


async def test_refused_write_is_not_kept(journal: Journal) -> None:
    async with make(journal) as store:
        await store.put("a", b"1")
        with pytest.raises(KeyModified):
            await store.atomic_put("a", b"2", 999)
    assert actions(journal) == [("create", "a", None)]


class SilentStore(MemoryStore):
    """A fake: its writes are done, and their answers are lost."""

    async def atomic_put(
        self,
        key: str,
        value: bytes,
        previous: Entry | Revision | None,
        *,
        ttl: float | None = None,
        meta: Meta = NO_META,
    ) -> Entry:
        await super().atomic_put(key, value, previous, ttl=ttl, meta=meta)
        raise OutcomeUnknown("lost")


async def test_unknown_outcome_is_kept_as_such(journal: Journal) -> None:
    async with make(journal, SilentStore) as store:
        with pytest.raises(OutcomeUnknown):
            await store.atomic_put("a", b"1", None)
    (one,) = journal.records()
    assert (one.action, one.after, one.detail) == ("create", None, "the outcome is unknown")


async def test_write_is_done_although_the_journal_is_not(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A save never fails for its journal; the log says what is missing there."""
    (tmp_path / "file").write_text("")
    async with make(Journal(tmp_path / "file")) as store:
        await store.put("a", b"1")
        assert (await asyncio.wait_for(store.get("a"), 5)).value == b"1"
    assert "the journal cannot be written" in caplog.text
