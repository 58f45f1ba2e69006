"""The journal as a list: the newest first, filtered, with what each change did, and values to bring back."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from explorer.codecs.codecs import Codecs
from explorer.config import Profile
from explorer.journal import Journal, JournalRecord
from explorer.model.write_reason import write_reason
from explorer.opener import opener
from explorer.session.earlier_values import restore_options
from explorer.session.editing.comparison_text import visible_parts
from explorer.session.editing.edit_states import Saved
from explorer.session.results.journal_list import JournalFilter, JournalItem, restore_choices
from explorer.session.results.journal_text import journal_progress, journal_row, journal_title
from explorer.session.session import Session
from tests.session.fixtures import live, save


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal")


@pytest.fixture
async def session(journal: Journal, tmp_path: Path) -> AsyncIterator[Session]:
    """Return a session of a store that was written to by a profile, with the journal of that."""
    (tmp_path / "store").mkdir()
    profile = Profile(f"file://{tmp_path}/store", name="dev", masked=("secret/*",))
    async with Session(opener(profile, journal=journal), Codecs(), writable=True, journal=journal) as opened:
        await live(opened)
        store = opened.connection.store
        with write_reason("JIRA-7"):
            first = await store.put("app/port", b"80")
        await store.atomic_put("app/port", b"8080", first)
        await store.put("secret/token", b"s3cret")
        await store.delete("secret/token")
        journal.append([JournalRecord("etcd://other/", "app/port", "update", 1, 2, b"1", new=b"2")])
        yield opened


async def listed(session: Session, filter_: JournalFilter | None = None) -> list[JournalItem]:
    session.results.journal_list.show(filter_)
    await session.idle()
    return session.results.journal_list.items


async def diff(session: Session, item: JournalItem) -> list[str]:
    lines = await session.results.journal_list.diff(item)
    return [line.sign + "".join(text for text, _ in visible_parts(line)) for line in lines]


async def test_list_has_the_changes_of_this_store(session: Session) -> None:
    rows = [journal_row(item.record, with_store=True) for item in await listed(session)]
    assert [(row.sign, row.key) for row in rows] == [
        ("-", "secret/token"),
        ("+", "secret/token"),
        ("~", "app/port"),
        ("+", "app/port"),
    ]
    assert {row.store for row in rows} == {"@dev"}
    assert rows[-1].details[-1] == "JIRA-7"
    ((text, _),) = journal_progress(session.results.journal_list)
    assert text.startswith("4 changes of 5 records, read at ")


async def test_filter_is_by_key_and_store(session: Session) -> None:
    items = await listed(session, JournalFilter("PORT", is_everywhere=True))
    assert items == []
    items = await listed(session, JournalFilter("port", is_everywhere=True))
    assert [item.record.profile for item in items] == ["", "dev", "dev"]
    assert not session.results.journal_list.is_of_this_store(items[0].record)
    assert journal_title(session.results.journal_list.filter) == "Your changes of keys with port, in all stores"


async def test_changes_by_another_url_are_of_this_store(session: Session, journal: Journal, tmp_path: Path) -> None:
    """By the key that they have here, with their values, which the profile masks; they can be brought back."""
    url = f"file://{tmp_path}/store/app/"
    journal.append([JournalRecord(url, "port", "update", 1, 2, b"1", new=b"2")])
    journal.append([JournalRecord(f"file://{tmp_path}/", "store/secret/token", "update", 1, 2, b"s3cret", new=b"s")])
    token, port, *_ = await listed(session)
    assert (port.record.key, port.record.profile) == ("app/port", "")
    assert [line for line in await diff(session, port) if line[0] in "+-"] == ["-1", "+2"]
    assert session.results.journal_list.is_of_this_store(port.record)
    assert [option.value for option in restore_choices(await session.results.journal_list.record(port))] == [b"1", b"2"]
    assert await diff(session, token) == ["\\the values are masked"]
    assert restore_choices(await session.results.journal_list.record(token)) == []
    session.select("app/port")
    await session.idle()
    assert b"1" in [option.value for option in await restore_options(session, "app/port")]


async def test_diff_is_from_the_old_to_the_new_value(session: Session) -> None:
    items = await listed(session, JournalFilter("app/*"))
    assert [line for line in await diff(session, items[0]) if line[0] in "+-"] == ["-80", "+8080"]
    assert [line for line in await diff(session, items[1]) if line[0] in "+-"] == ["+80"]


async def test_masked_values_are_nowhere(session: Session, journal: Journal) -> None:
    """A value that the profile masks is neither in the file nor shown."""
    items = await listed(session, JournalFilter("secret"))
    assert [await diff(session, item) for item in items] == [["\\the values are masked"]] * 2
    assert restore_choices(await session.results.journal_list.record(items[0])) == []
    (file,) = journal.folder.iterdir()
    assert "s3cret" not in file.read_text()


async def test_record_of_an_older_version_says_what_it_lacks(session: Session, journal: Journal) -> None:
    url = session.connection.store.address.public_url
    journal.append([JournalRecord(url, "old", "update", 1, 2, b"abc")])
    items = await listed(session, JournalFilter("old"))
    assert await diff(session, items[0]) == [
        "\\the journal does not have the value that was written; before, it had 3 B"
    ]


async def test_value_of_a_deleted_key_comes_back(session: Session) -> None:
    """It is a reviewed save that creates the key again."""
    store = session.connection.store
    await store.delete("app/port")
    (deletion, *_) = await listed(session, JournalFilter("app/port"))
    (option,) = restore_choices(await session.results.journal_list.record(deletion))
    edit = await session.bring_back("app/port", option.value)
    assert (edit.text, edit.base) == ("8080", None)
    assert isinstance(await save(edit), Saved)
    assert (await store.get("app/port")).value == b"8080"


async def test_value_of_a_changed_key_is_saved_on_what_is_stored(session: Session) -> None:
    edit = await session.bring_back("app/port", b"80")
    edit.reason = "back to the standard port"
    assert edit.base is not None
    assert edit.base.value == b"8080"
    assert isinstance(await save(edit), Saved)
    newest = (await listed(session))[0].record
    assert (newest.action, newest.reason, newest.profile) == ("update", "back to the standard port", "dev")


async def test_broken_chain_is_said_with_its_place(session: Session, journal: Journal) -> None:
    (file,) = journal.folder.iterdir()
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:1] + lines[2:]))
    await listed(session)
    *_, (text, _) = journal_progress(session.results.journal_list)
    assert text == f"the journal was changed by something else at {file.name} line 2"
