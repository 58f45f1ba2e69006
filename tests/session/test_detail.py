"""The selected key: the newest selection wins, its changes are followed, and its age and lifetime are known."""

import asyncio
import time

import pytest

from explorer.codecs.base import KUBERNETES_MAGIC, Document, Limits
from explorer.codecs.codecs import Codecs
from explorer.drivers.memory import MemoryStore
from explorer.model.entries import Entry
from explorer.model.errors import NotReachable
from explorer.session import decoder
from explorer.session.decoder import PREVIEW_SIZE, Decoder
from explorer.session.states import Empty, Failed, Loading, Part, Ready
from tests.servers.waiting import eventually
from tests.session.fixtures import PATIENCE, CuttableStore, Place, SteppedClock, opened, shown


class Counting(CuttableStore):
    """A store that counts what is read of it."""

    async def get(self, key: str, *, consistent: bool = True) -> Entry:
        READ.append(key)
        return await super().get(key, consistent=consistent)


READ: list[str] = []


class CountingPlace(Place):
    def connect(self) -> MemoryStore:
        store = Counting(self)
        self.stores.append(store)
        return store


async def test_select_reads_at_once_and_debounces_the_next() -> None:
    """A selection is read at once; of those that follow fast, the newest is read."""
    place = CountingPlace(SteppedClock())
    async with place.other() as other, opened(place) as session:
        for name in "abcde":
            await other.put(name, name.encode())
        await eventually(lambda: session.connection.revision == place.keyspace.revision, "all is heard", PATIENCE)
        await session.idle()
        READ.clear()
        for name in "abcde":
            session.select(name)
            assert isinstance(session.detail.state, Loading)
            await asyncio.sleep(0)
        await session.idle()
        assert READ == ["a", "e"]
        assert session.detail.loaded is not None
        assert session.detail.loaded.entry.value == b"e"


async def test_select_nothing_or_a_missing_key_is_empty() -> None:
    place = Place()
    async with place.other() as other, opened(place) as session:
        assert session.detail.state == Empty("no key is selected")
        session.select("missing")
        await session.idle()
        assert session.detail.state == Empty("there is no value under this key")
        await other.put("missing", b"now")
        await eventually(lambda: session.detail.loaded is not None, "it is shown", PATIENCE)
        session.select(None)
        assert session.detail.state == Empty("no key is selected")


async def test_select_after_an_error_keeps_the_stale_value() -> None:
    place = Place()
    async with place.other() as other, opened(place) as session:
        await other.put("key", b"value")
        before = await shown(session, "key")
        place.cut("unplugged")
        session.detail.reload()
        await eventually(lambda: isinstance(session.detail.state, Failed), "it fails", PATIENCE)
        state = session.detail.state
        assert isinstance(state, Failed)
        assert isinstance(state.error, NotReachable)
        assert state.stale == before
        session.select("other")
        await eventually(lambda: isinstance(session.detail.state, Failed), "it fails", PATIENCE)
        assert session.detail.loaded is None
        place.mend()
        session.select("key")
        await eventually(lambda: isinstance(session.detail.state, Ready), "it is read again", PATIENCE)


async def test_on_event_follows_deletion_and_new_creation() -> None:
    place = Place()
    async with place.other() as other, opened(place) as session:
        await other.put("key", b"one")
        await shown(session, "key")
        await other.put("key", b"two")
        await eventually(lambda: _value(session.detail.loaded) == b"two", "the change is shown", PATIENCE)
        await other.delete("key")
        await eventually(lambda: _deleted(session.detail.loaded), "the deletion is shown", PATIENCE)
        assert _value(session.detail.loaded) == b"two"
        await other.put("key", b"three")
        await eventually(lambda: _value(session.detail.loaded) == b"three", "it is back", PATIENCE)
        assert not _deleted(session.detail.loaded)


def _value(reading: object) -> bytes | None:
    return getattr(getattr(reading, "entry", None), "value", None)


def _deleted(reading: object) -> bool:
    return bool(getattr(reading, "deleted", False))


async def test_resync_shows_a_missed_change() -> None:
    place = Place()
    async with place.other() as other, opened(place) as session:
        await other.put("key", b"one")
        await shown(session, "key")
        place.stores[0].cut()
        await other.put("key", b"two")
        place.keyspace.compact()
        place.stores[0].mend()
        await eventually(lambda: _value(session.detail.loaded) == b"two", "the change is shown", PATIENCE)


async def test_ttl_counts_down_to_expiry() -> None:
    clock = SteppedClock()
    place = Place(clock)
    async with place.other() as other, opened(place) as session:
        await other.put("key", b"value", ttl=60)
        reading = await shown(session, "key")
        assert reading.ttl_left(clock.now()) == 60
        await clock.advance(1.5)
        assert reading.ttl_left(clock.now()) == 58.5
        await clock.advance(60)
        await eventually(lambda: _deleted(session.detail.loaded), "its end is shown", PATIENCE)
        assert reading.ttl_left(clock.now()) == 0


async def test_choose_is_remembered_for_the_key() -> None:
    place = Place()
    async with place.other() as other, opened(place) as session:
        await other.put("key", b"{}")
        await other.put("other", b"{}")
        assert (await shown(session, "key")).document.choice.codec == "json"
        hexadecimal = next(choice for choice in session.detail.choices or () if choice.codec == "hex")
        session.detail.choose(hexadecimal)
        await session.idle()
        assert session.detail.loaded is not None
        assert session.detail.loaded.document.choice == hexadecimal
        assert (await shown(session, "other")).document.choice.codec == "json"
        assert (await shown(session, "key")).document.choice == hexadecimal
        session.detail.choose(None)
        await session.idle()
        assert session.detail.loaded is not None
        assert session.detail.loaded.document.choice.codec == "json"


async def test_large_value_is_decoded_in_a_thread() -> None:
    place = Place()
    async with place.other() as other, opened(place) as session:
        await other.put("key", b"x" * 500_000)
        assert len((await shown(session, "key")).document.value) == 500_000


async def test_load_earlier_reads_pages_newest_first() -> None:
    place = Place()
    async with place.other() as other, opened(place) as session:
        for number in range(31):
            await other.put("key", str(number).encode())
        await shown(session, "key")
        pages = []
        for _ in range(2):
            session.detail.load_earlier()
            await session.idle()
            assert isinstance(session.detail.history, Ready)
            pages.append(session.detail.history.value)
        assert [len(page.entries) for page in pages] == [20, 30]
        assert [page.complete for page in pages] == [False, True]
        assert [entry.value for entry in pages[1].entries] == [str(29 - number).encode() for number in range(30)]


async def test_load_earlier_without_history_is_empty() -> None:
    place = Place()
    async with place.other() as other, opened(place) as session:
        await other.put("key", b"")
        await shown(session, "key")
        session.detail.load_earlier()
        await session.idle()
        assert session.detail.history == Empty("the store has no earlier value of it")


@pytest.mark.parametrize("seconds", [0, 7])
async def test_loaded_value_has_its_moment_of_reading(seconds: float) -> None:
    clock = SteppedClock()
    place = Place(clock)
    async with place.other() as other, opened(place) as session:
        await clock.advance(seconds)
        await other.put("key", b"")
        assert (await shown(session, "key")).read_at == seconds


@pytest.mark.parametrize("ttl", [None, 600.0])
async def test_on_event_shows_a_constantly_changing_key(ttl: float | None) -> None:
    """Each change comes before the one before could be decoded or read; none of them may wait for the last."""
    place = Place()
    async with place.other() as other, opened(place) as session:
        await other.put("key", b"0" * 100_000, ttl=ttl)
        await shown(session, "key")
        seen = set[bytes | None]()
        session.subscribe(lambda _: seen.add(_value(session.detail.loaded)))
        begun = asyncio.get_running_loop().time()
        number = 0
        while len(seen) < 3 and asyncio.get_running_loop().time() - begun < PATIENCE:
            number += 1
            await other.put("key", str(number).encode() * 50_000)
            await asyncio.sleep(0.01)
        assert len(seen) >= 3
        last = (await other.get("key")).value
        await eventually(lambda: _value(session.detail.loaded) == last, "the last change is shown", PATIENCE)


async def test_wait_drawn_on_a_busy_loop_waits_until_it_is_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing may take longer than usual on a loaded machine; decoding must not take the interpreter from it."""
    monkeypatch.setattr(decoder, "_MAX_PREVIEW_DELAY", PATIENCE)
    subject, drawn = Decoder(Codecs()), 0

    async def draw() -> None:
        nonlocal drawn
        for _ in range(15):  # more than the minimum delay
            began = time.thread_time()
            while time.thread_time() - began < 0.01:
                pass
            await asyncio.sleep(0)
            drawn += 1

    async with asyncio.TaskGroup() as group:
        group.create_task(draw())
        await subject.wait_drawn()
        assert drawn == 15
    subject.close()


async def test_large_value_is_previewed_before_decoding() -> None:
    """And then all of it, in the same place; until then it is not edited."""
    value = b'["' + b"x" * PREVIEW_SIZE + b'",\n1]'
    place = Place()
    async with place.other() as other, opened(place) as session:
        await other.put("large", value)
        seen: list[Document] = []

        def look(_parts: Part) -> None:
            reading = session.detail.loaded
            if reading is not None and (not seen or seen[-1] is not reading.document):
                seen.append(reading.document)

        session.subscribe(look)
        session.select("large")
        await eventually(lambda: bool(seen) and seen[-1].read_only_reason is None, "it was read", PATIENCE)
        document = seen[-1]
        assert (document.reason, document.content.size) == ("valid JSON", len(value))
        for preview in seen[:-1]:  # in one frame there may be only the whole
            assert preview.read_only_reason == "the value is still being read"
            assert document.text.startswith(preview.text)
            assert preview.value == value
    preview_alone = Codecs().preview("large", value)
    assert preview_alone is not None
    assert preview_alone.content.size == Limits().preview_size
    assert Codecs().preview("large", KUBERNETES_MAGIC + value) is None
