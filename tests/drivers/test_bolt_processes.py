"""A BoltDB file that other processes use, too: their locks, private copies, and what a watch makes of their writes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from explorer.codecs.codecs import Codecs
from explorer.drivers.bolt import differences
from explorer.drivers.bolt.file import BoltFile, create
from explorer.drivers.bolt.tx import Tx
from explorer.model.errors import (
    CallNotSupported,
    Timeout,
)
from explorer.model.events import Deleted, Lost, Put, Restored, Resync
from explorer.session.session import Session
from explorer.session.status_text import status_parts
from tests.clients.bolt import Bbolt, bbolt
from tests.contract.fixtures import WAIT_TIMEOUT, keys_below, take_changes, take_events
from tests.drivers.bolt_files import file, open_store, put_values, update
from tests.session.fixtures import live

__all__ = ["file"]


@pytest.fixture(scope="module")
def judge() -> Iterator[Bbolt]:
    """Bbolt, built once."""
    with bbolt() as built:
        yield built


@pytest.mark.servers
async def test_file_that_another_process_has_open_is_waited_for(judge: Bbolt, file: Path) -> None:
    """A watch is lost meanwhile, and reports what the other process wrote."""
    async with open_store(file, timeout=0.2) as store, store.watch_tree("") as events:
        await take_events(events, 1)
        await store.put("a/key", b"value")
        await take_changes(events, 2)
        with judge.open(file) as process:
            with pytest.raises(Timeout, match="another process"):
                await store.put("a/key", b"mine")
            with pytest.raises(Timeout) as caught:
                await store.get("a/key")
            assert caught.value.connected
            process.update(["put 61/6b6579 =6f6e65", "put 61/6e6577 =31"])
            (lost,) = await take_events(events, 1)
            assert isinstance(lost, Lost)
            assert "another process" in lost.reason
            process.update(["put 61/6b6579 =74776f"])
        (restored,) = await take_events(events, 1)
        assert isinstance(restored, Restored)
        found = await take_changes(events, 2)
        assert {event.key: event.entry.value for event in found if isinstance(event, Put)} == {
            "a/key": b"two",
            "a/new": b"1",
        }
        assert await store.get("a/key") == found[0].entry if isinstance(found[0], Put) else None


@pytest.mark.servers
async def test_copy_is_marked_as_one(judge: Bbolt, file: Path) -> None:
    """The session does not call it live, and cannot unlock writing; what is written meanwhile is not shown."""
    with judge.open(file) as process:
        process.update(["put 61/6b6579 =31"])
        async with Session(lambda: open_store(file, "?copy"), Codecs()) as session:
            await live(session)
            process.update(["put 61/6e6577 =31"])
            parts = status_parts(session)
            assert "copy of 2" in parts.sign
            assert "LIVE" not in parts.sign
            assert not session.is_lockable
            with pytest.raises(CallNotSupported, match="copy"):
                await session.toggle_writable()
        async with open_store(file, "?copy") as store:
            assert await keys_below(store, "a") == ["a/key", "a/new"]
            assert any("copy" in complaint for complaint in (await store.status()).complaints)


async def test_lock_is_held_only_during_a_call(file: Path) -> None:
    """Another process can take it for itself as soon as a call has ended, although the store is open."""
    async with open_store(file) as store, store.watch_tree(""):
        await store.put("a/key", b"value")
        await store.list("")
        other = BoltFile(file, writable=True)
        with other.locked(WAIT_TIMEOUT, exclusive=True):
            pass
        other.close()


async def test_watch_of_a_large_file_reads_again_after_a_gap(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One transaction is compared with the state before; after several, its pages may have been overwritten."""
    monkeypatch.setattr(differences, "MAX_IMAGE_SIZE", 0)
    put_values(file, b"a", {b"kept": b"1", b"gone": b"1"})
    async with open_store(file) as store:
        known = {entry.key: entry.revision for entry in (await store.list("")).items}
        async with store.watch_tree("", known=known) as events:
            await take_events(events, 1)
            changed = await store.put("a/kept", b"2")
            (event,) = await take_changes(events, 1)
            assert (event.key, event.inferred) == ("a/kept", False)
            known["a/kept"] = changed.revision
            writer = BoltFile(file, writable=True)
            with writer.locked(WAIT_TIMEOUT, exclusive=True):
                for number in range(3):
                    tx = Tx(writer.view())
                    tx.root.make_bucket(b"a").delete(b"gone")
                    tx.root.make_bucket(b"a").put(b"new", b"%d" % number)
                    tx.commit(writer)
            writer.close()
            (resync,) = await take_events(events, 1)
            assert isinstance(resync, Resync)
            found = {event.key: event for event in await take_changes(events, 2)}
            assert all(event.inferred for event in found.values())
            assert isinstance(found["a/gone"], Deleted)
            assert isinstance(found["a/new"], Put)


async def test_replaced_file_is_opened_again(file: Path, tmp_path: Path) -> None:
    """Another file under the same path is read, and is another store by its identity."""
    other = tmp_path / "other.db"
    create(other)
    update(other, lambda tx: tx.root.make_bucket(b"new").put(b"key", b"value"))
    update(file, lambda tx: tx.root.make_bucket(b"old"))
    async with open_store(file) as store, store.watch_tree("") as events:
        before = (await store.status()).identity
        await take_events(events, 1)
        other.replace(file)  # its newest transaction has the same number
        assert {event.key for event in await take_changes(events, 3)} == {"old", "new", "new/key"}
        assert (await store.get("new/key")).value == b"value"
        assert (await store.status()).identity != before
