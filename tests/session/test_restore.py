"""An earlier value is brought back as an edit that is reviewed and saved like any other."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from explorer.codecs.codecs import Codecs
from explorer.journal import Journal, JournalRecord
from explorer.model.errors import CallNotSupported
from explorer.session.earlier_values import restore_options
from explorer.session.editing.edit_states import Reviewing, Saved
from explorer.session.editing.edit_text import review_lines
from explorer.session.session import Session
from tests.servers.waiting import eventually
from tests.session.fixtures import Place, live, save, shown


@pytest.fixture
def place() -> Place:
    return Place()


@pytest.fixture
async def session(place: Place, tmp_path: Path) -> AsyncIterator[Session]:
    """Return a session that shows a key with three values and a journal of one more."""
    journal = Journal(tmp_path)
    async with place.other() as other:
        for value in (b"one", b"two", b"three"):
            await other.put("key", value)
        journal.append([JournalRecord(other.address.public_url, "key", "update", 0, 1, b"mine")])
        journal.append([JournalRecord(other.address.public_url, "another", "update", 0, 1, b"not this")])
        async with Session(place.connect, Codecs(), writable=True, journal=journal) as opened:
            await live(opened)
            await shown(opened, "key")
            yield opened


async def test_options_are_history_and_own_changes(session: Session) -> None:
    """The newest first, without the value that is stored, each once."""
    options = await restore_options(session, "key")
    assert [option.value for option in options] == [b"two", b"one", b"mine"]
    assert options[0].title.startswith("revision ")
    assert options[2].title.startswith("before your update of ")
    assert options[0].details == "3 B, two"


async def test_deleted_key_that_is_not_shown_comes_back(session: Session, place: Place) -> None:
    """As from the change log: the selection may be anywhere, and the tree does not have the key."""
    async with place.other() as other:
        await other.put("gone", b"before")
        await other.delete("gone")
        options = await restore_options(session, "gone")
        assert [option.value for option in options] == [b"before"]
        edit = await session.bring_back("gone", options[0].value)
        assert isinstance(await save(edit), Saved)
        assert (await other.get("gone")).value == b"before"
    assert await restore_options(session, "never") == []


FLAGS = {"flags": 7}


@pytest.mark.parametrize("is_shown", [True, False])
async def test_deleted_key_comes_back_with_its_flags(session: Session, place: Place, *, is_shown: bool) -> None:
    """The review says so; a key that nothing is known of is created without."""
    async with place.other() as other:
        seen = await other.atomic_put("flagged", b"before", None, meta=FLAGS)
        if is_shown:
            await eventually(lambda: session.tree.node("flagged") is not None, "the tree has the key")
            await shown(session, "flagged")
        await other.atomic_delete("flagged", seen)
        if is_shown:
            await eventually(lambda: bool(session.detail.loaded and session.detail.loaded.deleted), "it is deleted")
        edit = await (session.restore(b"before") if is_shown else session.bring_back("flagged", b"before"))
        await edit.save()
        assert isinstance(edit.state, Reviewing)
        assert str(review_lines(edit, edit.state)[-1]) == "\\created with flags 7"
        assert isinstance(await save(edit), Saved)
        assert (await other.get("flagged")).meta == FLAGS
        edit = await session.bring_back("never", b"value")
        await edit.save()
        assert isinstance(edit.state, Reviewing)
        assert "are not known" in str(review_lines(edit, edit.state)[-1])


async def test_earlier_value_is_saved_by_compare_and_swap(session: Session, place: Place) -> None:
    """The old value is saved on the revision that is shown."""
    edit = await session.restore(b"one")
    assert (edit.text, edit.base and edit.base.value) == ("one", b"three")
    assert isinstance(await save(edit), Saved)
    async with place.other() as other:
        assert (await other.get("key")).value == b"one"


async def test_binary_value_is_restored_in_a_form_that_shows_both(session: Session) -> None:
    """A value that the present form cannot show is not changed on its way."""
    edit = await session.restore(b"\xff\x00")
    assert edit.document.choice.codec == "hex"
    assert edit.document.encode(edit.text).value == b"\xff\x00"


async def test_nothing_is_restored_while_read_only(session: Session) -> None:
    await session.toggle_writable()
    with pytest.raises(CallNotSupported):
        await session.restore(b"one")
