"""An edit is validated, reviewed and saved by compare-and-swap."""

import asyncio

import pytest

from explorer.codecs.base import EncodeResult
from explorer.codecs.text.text import TextDocument
from explorer.model.events import Deleted
from explorer.session.editing.edit_states import Conflicted, Drafting, Reviewing, Saved
from explorer.session.states import LivenessStatus
from tests.servers.waiting import eventually
from tests.session.fixtures import PATIENCE, Place, edit_state, editing, live, open_edit, opened, save, shown


async def test_save_validates_reviews_and_writes() -> None:
    async with open_edit(Place(), b'{\n  "a": 1\n}\n', '{\n  "a": 2\n}\n') as (edit, session, other):
        await session.idle()
        assert edit_state(session) == Drafting(changed=True, checked=True)
        await session.run("save")
        reviewing = edit_state(session)
        assert isinstance(reviewing, Reviewing)
        assert [str(line) for line in reviewing.diff] == ["@@ -1,3 +1,3 @@", " {", '-  "a": 1', '+  "a": 2', " }"]
        await session.run("save")
        assert isinstance(edit.state, Saved)
        assert (await other.get("key")).value == b'{\n  "a": 2\n}\n'
        await live(session)
        assert edit.theirs is None
        reading = session.detail.loaded
        assert reading is not None
        assert reading.entry.value == b'{\n  "a": 2\n}\n'


async def test_save_of_an_invalid_text_writes_nothing() -> None:
    """The error is shown while typing."""
    async with open_edit(Place(), b'{"a": 1}', '{"a": }') as (edit, session, other):
        await session.idle()
        assert isinstance(edit.state, Drafting)
        assert edit.state.error is not None
        assert edit.state.error.line == 1
        await session.run("save")
        assert isinstance(edit_state(session), Drafting)
        assert (await other.get("key")).value == b'{"a": 1}'


async def test_save_without_a_change_writes_nothing() -> None:
    place = Place()
    async with place.other() as other, opened(place) as session:
        written = await other.put("key", b"text")
        edit = await editing(session, "key")
        edit.set_text("text!")
        edit.set_text("text")
        await session.run("save")
        assert isinstance(edit.state, Saved)
        assert not edit.state.written
        assert (await other.get("key")).revision == written.revision


async def test_save_keeps_the_lease() -> None:
    place = Place()
    async with place.other() as other, opened(place) as session:
        before = await other.put("key", b"text", ttl=600)
        edit = await editing(session, "key")
        edit.set_text("other")
        await session.run("save")
        await session.run("save")
        now = await other.get("key")
        assert (now.value, now.lease) == (b"other", before.lease)


async def test_on_event_notes_a_change_by_another_client() -> None:
    async with open_edit(Place(), b"one") as (edit, _session, other):
        await other.put("key", b"two")
        await eventually(lambda: edit.theirs is not None, "it is told", PATIENCE)
        await other.delete("key")
        await eventually(lambda: edit.theirs is not None and edit.theirs.revision == 4, "it is told", PATIENCE)


async def test_save_after_a_known_change_shows_the_conflict() -> None:
    """The editor promises both sides; the review compares with a value that is no longer stored."""
    async with open_edit(Place(), b"one", "mine") as (edit, session, other):
        await other.put("key", b"theirs")
        await eventually(lambda: edit.theirs is not None, "it is told", PATIENCE)
        await session.run("save")
        both = edit_state(session)
        assert isinstance(both, Conflicted)
        assert both.theirs is not None
        assert (both.theirs.value, both.mine) == (b"theirs", "mine")


async def test_save_after_a_known_deletion_shows_the_conflict() -> None:
    async with open_edit(Place(), b"one", "mine") as (edit, session, other):
        await other.delete("key")
        await eventually(lambda: edit.theirs is not None, "it is told", PATIENCE)
        await session.run("save")
        both = edit_state(session)
        assert isinstance(both, Conflicted)
        assert both.theirs is None


async def test_resync_notes_a_deletion_lost_with_the_history() -> None:
    """A store that was wiped, or compacted during an outage, tells no event of it."""
    place = Place()
    async with open_edit(place, b"one", "mine") as (edit, session, other):
        place.stores[0].cut("away")
        await eventually(lambda: session.liveness.status is LivenessStatus.STALE, "the loss is told", PATIENCE)
        await other.delete("key")
        place.keyspace.compact()
        place.stores[0].mend()
        await live(session)
        assert isinstance(edit.theirs, Deleted)


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Texts that documents encoded, in order."""
    texts = list[str]()
    encode = TextDocument.encode

    def recorded(document: TextDocument, text: str) -> EncodeResult:
        texts.append(text)
        return encode(document, text)

    monkeypatch.setattr(TextDocument, "encode", recorded)
    return texts


async def test_save_after_a_review_sends_the_reviewed_bytes(encoded: list[str]) -> None:
    """The review encodes the text, and those very bytes are stored: saving encodes nothing."""
    async with open_edit(Place(), b'{"a": 1}') as (edit, session, other):
        edit.set_text(edit.text.replace("1", "2"))
        await session.run("save")
        assert isinstance(edit.state, Reviewing)
        reviewed = edit.state.encoded.value
        await session.idle()
        assert encoded
        encoded.clear()
        assert isinstance(await save(edit), Saved)
        assert encoded == []
        assert (await other.get("key")).value == reviewed == b'{"a": 2}'


async def test_keep_mine_after_a_conflict_sends_the_compared_bytes(encoded: list[str]) -> None:
    """The value that the conflict showed is stored: keeping mine encodes nothing."""
    async with open_edit(Place(), b"one", "mine") as (edit, session, other):
        await other.put("key", b"theirs")
        await save(edit)
        conflict = edit_state(session)
        assert isinstance(conflict, Conflicted)
        compared = conflict.value
        await session.idle()
        assert encoded
        encoded.clear()
        await edit.keep_mine()
        assert isinstance(edit.state, Saved)
        assert encoded == []
        assert (await other.get("key")).value == compared == b"mine"


async def test_create_saves_an_empty_value() -> None:
    place = Place()
    async with place.other() as other, opened(place) as session:
        edit = await session.create("fresh")
        assert isinstance(await save(edit), Saved)
        assert (await other.get("fresh")).value == b""


async def test_edit_uses_the_chosen_decoding() -> None:
    place = Place()
    async with place.other() as other, opened(place) as session:
        await other.put("key", b"text")
        await shown(session, "key")
        (choice,) = (choice for choice in session.detail.choices or () if choice.codec == "hex")
        session.detail.choose(choice)
        await session.idle()
        edit = session.edit()
        assert edit.document.choice == choice


async def test_review_is_of_the_newest_text() -> None:
    """Text that is typed during a review is reviewed, too: nothing is saved unseen."""
    place = Place()
    async with opened(place) as session:
        edit = await session.create("fresh")
        async with asyncio.TaskGroup() as group:
            group.create_task(edit.save())
            await asyncio.sleep(0)  # it begins, and waits for the thread
            edit.set_text("typed on")
        assert isinstance(edit.state, Reviewing)
        assert any("typed on" in part.text for line in edit.state.diff for part in line.parts)
