"""Lists of results in the app: found keys fill a list, enter goes to them, and the list stays."""

from collections.abc import Callable
from pathlib import Path

import pytest

from explorer.codecs.codecs import Codecs
from explorer.config import Profile
from explorer.drivers.base import Store
from explorer.journal import Journal
from explorer.opener import opener
from tests.session.fixtures import Place
from tests.tui.app_harness import NARROW, WIDE, browsing
from tests.tui.browse_helpers import filled


@pytest.fixture
async def place() -> Place:
    place = Place()
    await filled(place)
    return place


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_find_lists_and_goes_to_keys(place: Place, size: tuple[int, int]) -> None:
    """Enter goes to a key that was not loaded; the list is still there, and . and , go from one to the next."""
    async with browsing(place.connect, Codecs(), size=size) as page:
        await page.press("F")
        await page.type("a")
        await page.press("enter")
        await page.shows("Find keys with a, everywhere", "4 matches; looked at all 6 keys at", "config/app/below")
        await page.press("j", "j", "enter")
        await page.shows("flags/a", "1 Keys")
        assert page.session.selected == "flags/a"
        await page.press(".")
        await page.shows("4 of 4, as of ")
        assert page.session.selected == "flags/b"
        await page.press(",", ",")
        assert page.session.selected == "config/app/below"
        await page.press("H")
        await page.shows("4 matches; looked at all 6 keys at")
        await page.press("escape")
        await page.shows("1 Keys")


async def test_find_in_values_below_the_folder(place: Place) -> None:
    """Tab goes to the field for values, ctrl+t limits the search to the folder under the cursor."""
    async with browsing(place.connect, Codecs()) as page:
        await page.press("F", "tab")
        await page.type("o")
        await page.press("ctrl+t")
        await page.shows("below config/")
        await page.press("enter")
        await page.shows("0 matches; looked at all 3 keys")
        await page.press("F", "ctrl+t", "enter")
        await page.shows("flags/a  on", "top  a value at the top")
        await page.press("F", "ctrl+r")
        await page.type("(")
        await page.press("enter")
        await page.shows("no regular expression", "Values: a part of the text")
        await page.press("escape")
        await page.shows("flags/a  on")


async def test_stepping_before_any_search_says_how(place: Place) -> None:
    async with browsing(place.connect, Codecs()) as page:
        await page.press(".")
        await page.shows("nothing was searched for yet: F finds")


async def test_list_is_written_to_a_new_file(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that exists is not replaced."""
    monkeypatch.chdir(tmp_path)
    async with browsing(place.connect, Codecs()) as page:
        await page.press("F")
        await page.type("flags")
        await page.press("enter", "s")
        await page.shows("Write the list to which file?", "find.jsonl")
        await page.press("enter")
        await page.shows("written to find.jsonl")
        await page.press("s", "enter")
        await page.shows("File exists")
        await page.press("escape")
    file = tmp_path / "find.jsonl"
    assert file.read_text() == (
        '{"key": "flags/a", "where": "key", "match": "flags/a"}\n'
        '{"key": "flags/b", "where": "key", "match": "flags/b"}\n'
    )
    assert file.stat().st_mode & 0o777 == 0o600


def journaled(folder: Path, journal: Journal) -> Callable[[], Store]:
    """Return a factory of connections to a folder whose writes are in a journal; those in memory are not."""
    (folder / "store").mkdir()
    return opener(Profile(f"file://{folder}/store"), journal=journal)


async def test_journal_shows_changes_and_brings_one_back(tmp_path: Path) -> None:
    """A row has the diff of its change; R opens an edit with the value before it."""
    journal = Journal(tmp_path / "journal")
    connect = journaled(tmp_path, journal)
    async with browsing(connect, Codecs(), size=WIDE, writable=True, journal=journal) as page:
        await page.shows("● LIVE")
        store = page.session.connection.store
        await store.put("app/port", b"80")
        await store.put("app/port", b"8080")
        await store.put("top", b"x")
        await page.press("J")
        await page.shows("Your changes, in this store", "3 changes of 3 records", "+x")
        await page.press("j")
        await page.shows("update of app/port in file:", "-80", "+8080")
        await page.press("/")
        await page.type("port")
        await page.press("enter")
        await page.shows("Your changes of keys with port", "2 changes of 3 records")
        await page.press("R")
        await page.shows("Bring back which value?", "the value before your update", "the value after your update")
        await page.press("1")
        await page.shows("app/port  (from rev")
        await page.press("ctrl+s")
        await page.shows("Save app/port?", "-8080", "+80")
        await page.press("ctrl+s")
        await page.shows("1 Keys")
        assert (await store.get("app/port")).value == b"80"


async def test_save_asks_why_where_the_profile_demands_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    connect = journaled(tmp_path, journal)
    async with browsing(connect, Codecs(), writable=True, journal=journal, asks_reason=True) as page:
        await page.shows("● LIVE")
        await page.session.connection.store.put("top", b"x")
        await page.press("r", "G", "e", "y", "ctrl+s")
        await page.shows("Save top?")
        await page.press("ctrl+s")
        await page.shows("Why?")
        await page.type("JIRA-7")
        await page.press("enter")
        await page.shows("saved top")
    assert [record.reason for record in journal.records()] == ["", "JIRA-7"]


async def test_keeping_mine_asks_why_where_the_profile_demands_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    connect = journaled(tmp_path, journal)
    async with browsing(connect, Codecs(), writable=True, journal=journal, asks_reason=True) as page:
        await page.shows("● LIVE")
        store = page.session.connection.store
        await store.put("top", b"x")
        await page.press("r", "G", "e", "y")
        await store.put("top", b"theirs")
        await page.shows("Another client has changed this key")
        await page.press("ctrl+s")
        await page.shows("nothing was written")
        await page.press("m")
        await page.shows("Why?")
        await page.type("JIRA-7")
        await page.press("enter")
        await page.shows("saved top")
    assert [record.reason for record in journal.records()] == ["", "", "JIRA-7"]


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_compare_lists_differences_and_plans_the_copy(place: Place, size: tuple[int, int]) -> None:
    """Each key has the diff of its values; the plan is that of what is listed."""
    async with place.other() as store:
        await store.put("flags2/a", b"on")
        await store.put("flags2/b", b"changed")
        await store.put("flags2/c", b"new")
    async with browsing(place.connect, Codecs(), size=size, writable=True) as page:
        await page.press("j", "=")
        await page.shows("Compare flags/ with what?")
        await page.press("ctrl+u")
        await page.type("flags2")
        await page.press("enter")
        await page.shows(
            "flags/ (here, -) and flags2 (there, +)", "2 differences; looked at all 3 keys", "1 key the same"
        )
        await page.shows("~ b", "> c", "-off", "+changed")
        await page.press("j")
        await page.shows("only right: c", "+new")
        await page.press("enter")
        await page.shows("this key is only on the other side")
        await page.press("i")
        await page.type("c")
        await page.press("enter")
        await page.shows("without c", "1 difference; looked at all 3 keys")
        await page.press("p")
        await page.shows("Make the other side like this one?")
        await page.press("1")
        await page.shows("make memory:flags2/ like memory:flags/", "~ flags2/b", "+off")
        await page.press("escape")
        await page.press("enter")
        await page.shows("1 Keys", "flags/b")
        assert page.session.selected == "flags/b"


async def test_compare_takes_the_marked_keys(place: Place) -> None:
    """They are compared with the keys of the same names in another folder, and no others."""
    async with place.other() as store:
        await store.put("zcopy/flags/a", b"changed")
        await store.put("zcopy/other", b"not compared")
    async with browsing(place.connect, Codecs(), size=NARROW) as page:
        await page.press("j", "v", "=")
        await page.shows("Compare 1 marked key with what?")
        await page.press("ctrl+u")
        await page.type("zcopy/")
        await page.press("enter")
        await page.shows("1 marked key (here, -) and zcopy/ (there, +)", "~ flags/a", "< flags/b", "+changed")
        assert all(item.key.startswith("flags/") for item in page.session.results.comparison.items)


async def test_deleted_key_comes_back_from_the_change_log(place: Place) -> None:
    """The tree has no such key any more; it is created by a save that is reviewed."""
    async with browsing(place.connect, Codecs(), writable=True) as page, place.other() as other:
        await other.delete("top")
        await page.press("4")
        await page.shows("4 Changes  1")
        await page.press("R")
        await page.shows("Bring back which value?", "a value at the top")
        await page.press("1")
        await page.shows("top  (new")
        await page.press("ctrl+s")
        await page.shows("top?", "+a value at the top")
        await page.press("ctrl+s")
        await page.shows("1 Keys")
        assert (await other.get("top")).value == b"a value at the top"
