"""Looking around: the tree moves, the value follows, keys find what they name; nothing is written."""

from collections.abc import Callable
from pathlib import Path

import pytest
from textual.command import CommandList
from textual.widgets import Input

from explorer.codecs.codecs import Codecs
from explorer.drivers import address_hints
from explorer.drivers.memory import Database, ManualClock, MemoryStore
from explorer.model.address import Access, Address, parse
from explorer.model.errors import Unauthenticated
from explorer.session.session import Session
from explorer.tui.app import Keyscope
from explorer.tui.themes import remembered_theme
from tests.session.fixtures import Place
from tests.tui.app_harness import NARROW, WIDE, Page, browsing
from tests.tui.browse_helpers import filled, left_of

SIZES = pytest.mark.parametrize("size", [NARROW, WIDE], ids=["80x24", "160x50"])


@pytest.fixture
async def place() -> Place:
    place = Place()
    await filled(place)
    return place


class TestTheTree:
    @SIZES
    async def test_tree_opens_levels_and_value_follows_cursor(self, place: Place, size: tuple[int, int]) -> None:
        async with browsing(place.connect, Codecs(), size=size) as page:
            assert "▸ config/" in page.find("config/")
            assert "below" not in page.text()
            await page.press("l", "down")
            await page.shows("▸•app/", '"threads": 8', "json, indented: valid JSON")

    async def test_tree_cursor_moves_while_others_write(self, place: Place) -> None:
        async with browsing(place.connect, Codecs()) as page, place.other() as other:
            await page.press("down", "right")
            await other.put("flags/c", b"new")
            await page.shows("c  ", "+")
            await other.delete("flags/a")
            await page.until(
                lambda: any("a" in line and "-" in line for line in page.lines()[2:10]), "a marked as gone"
            )

    async def test_tree_closed_folder_counts_changes(self, place: Place) -> None:
        async with browsing(place.connect, Codecs()) as page, place.other() as other:
            await other.put("flags/a", b"1")
            await other.put("flags/b", b"2")
            await page.until(lambda: "±2" in page.find("flags/"), "two changes")

    async def test_value_is_updated_by_events(self, place: Place) -> None:
        async with browsing(place.connect, Codecs()) as page, place.other() as other:
            await page.press("G")
            await page.shows("a value at the top")
            await other.put("top", b"another value")
            await page.shows("another value")
            await other.delete("top")
            await page.shows("deleted; this is its last value", "another value")

    async def test_value_empty_differs_from_missing(self, place: Place) -> None:
        async with browsing(place.connect, Codecs()) as page:
            await page.press("l", "down", "down")
            await page.shows("config/empty", "0 B")
            await page.press("up", "up")
            await page.shows("a folder without a value of its own")


class TestPanes:
    async def test_panes_narrow_screen_shows_one_beside_tree(self, place: Place) -> None:
        async with browsing(place.connect, Codecs()) as page:
            await page.shows("2 Value")
            await page.press("4")
            await page.shows("4 Changes")
            assert "2 Value" not in page.text()
            await page.press("1", "2")
            await page.shows("2 Value")

    async def test_panes_wide_screen_shows_all(self, place: Place) -> None:
        async with browsing(place.connect, Codecs(), size=WIDE) as page:
            await page.shows("1 Keys", "2 Value", "3 Locks", "4 Changes")

    async def test_zoom_shows_one_pane(self, place: Place) -> None:
        async with browsing(place.connect, Codecs(), size=WIDE) as page:
            await page.press("2", "+")
            await page.shows("2 Value")
            assert "1 Keys" not in page.text()
            await page.press("escape")
            await page.shows("1 Keys")

    async def test_locks_pane_lists_holder_and_waiters(self, place: Place) -> None:
        async with place.other() as one, place.other() as two:
            lock = one.lock("jobs/nightly", ttl=30)
            await lock.acquire()
            waiting = two.tasks.start(two.lock("jobs/nightly", ttl=30).acquire(), name="waiting")
            async with browsing(place.connect, Codecs(), size=WIDE) as page:
                await page.shows("jobs/nightly", "1 waiting", "●", "left", "fence")
            await two.tasks.cancel(waiting)

    async def test_value_tabs_show_metadata_and_history(self, place: Place) -> None:
        async with place.other() as other:
            await other.put("top", b"second")
        async with browsing(place.connect, Codecs()) as page:
            await page.press("G", "2", "]")
            await page.shows("revision: ", "read as: text")
            await page.press("]")
            await page.shows("a value at the top")

    async def test_history_tab_of_another_key_shows_value(self, place: Place) -> None:
        """Each entry with its difference to the one before; the tab does not hide the value of the next key."""
        async with place.other() as other, browsing(place.connect, Codecs(), size=WIDE) as page:
            await other.put("flags/b", b"second")
            await page.press(":")
            await page.type("flags/b")
            await page.press("enter", "2", "]", "]")
            await page.shows("[history]", "  -off", "  +second")
            await other.put("flags/b", b"third")
            await page.shows("[history]", "  -second", "  +third", "  off")
            await page.press("h", "k")
            await page.shows("[value]")


class TestWhatIsOff:
    async def test_actions_that_write_need_unlock(self, place: Place) -> None:
        async with browsing(place.connect, Codecs()) as page:
            await page.shows("read-only")
            await page.press("G", "e")
            await page.shows("read-only: w unlocks writing")
            await page.press("w")
            await page.shows("WRITING")

    async def test_help_lists_keys_with_disabled_reasons(self, place: Place) -> None:
        async with browsing(place.connect, Codecs(), size=WIDE) as page:
            await page.press("?")
            await page.shows("Edit the value in place.", "(read-only: w unlocks writing)")
            await page.press("escape")
            await page.shows("1 Keys")

    async def test_help_of_tree_explains_signs(self, place: Place) -> None:
        async with browsing(place.connect, Codecs(), size=(160, 90)) as page:
            await page.press("?", "G")
            await page.shows("A key with a draft: e continues it.", "Number of changes in a closed folder")

    async def test_palette_survives_keys_while_closing(self, place: Place) -> None:
        async with browsing(place.connect, Codecs()) as page:
            await page.press("ctrl+p")
            await page.shows("Search for commands")
            await page.app.screen.query_one(CommandList).remove()  # as closing does, a moment before the screen goes
            page.app.screen.query_one(Input).value = "late"
            await page.press("escape")
            await page.shows("1 Keys")


class TestTheConnection:
    async def test_unreachable_store_is_retried(self, place: Place) -> None:
        place.cut("nobody listens there")
        async with browsing(place.connect, Codecs()) as page:
            await page.shows("DISCONNECTED", "nobody listens there", "retries")
            place.mend()
            await page.shows("LIVE", "config/")

    async def test_refused_password_waits_for_retry(self, place: Place) -> None:
        place.refusal = Unauthenticated("the store refuses user and password", hint="check the password file")
        async with browsing(place.connect, Codecs()) as page:
            await page.shows("the store refuses user and password", "check the password file", "r retries")
            place.refusal = None
            await page.press("r")
            await page.shows("LIVE", "config/")

    async def test_lost_connection_keeps_data_and_shows_status(self, place: Place) -> None:
        async with browsing(place.connect, Codecs()) as page:
            await page.press("G")
            await page.shows("a value at the top")
            place.cut()
            await page.until(lambda: "● LIVE" not in page.text(), "no longer live")
            await page.shows("a value at the top", "config/")
            place.mend()
            await page.shows("● LIVE")

    async def test_status_line_narrow_keeps_reason_before_figures(self, place: Place) -> None:
        async with browsing(place.connect, Codecs(), size=(60, 24)) as page:
            await page.shows("● LIVE", "0/s")
            place.cut("no answer within 2 s")
            await page.shows("no answer within 2 s", "read-only")
            assert "/s" not in page.lines()[0]

    async def test_empty_store_says_what_to_do(self) -> None:
        async with browsing(Place().connect, Codecs()) as page:
            await page.shows("No keys here. w unlocks", "n creates one.")
            await page.press("w")
            await page.shows("No keys here. n creates one.")

    @pytest.mark.parametrize(
        ("path", "hint"),
        [
            ("registry/", "there is below memory:////registry/"),
            ("config/app.yaml", "it names a key: open memory:///config/ to see it"),
            ("config/app.yaml/", "it names a key: open memory:///config/ to see it"),
            ("elsewhere/", None),
        ],
    )
    async def test_address_without_keys_names_nearby_prefix(
        self, path: str, hint: str | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An address with a slash too few, and one that names a key, show where the keys are."""
        keyspace = Database(ManualClock())

        def driver(_: Address) -> Callable[[Address, Access], MemoryStore]:
            return lambda address, access: MemoryStore(address, access, database=keyspace)

        monkeypatch.setattr(address_hints, "driver", driver)
        async with MemoryStore(parse("memory:"), database=keyspace) as store:
            await store.put("/registry/pods/a", b"")
            await store.put("config/app.yaml", b"a: 1")
        address = parse(f"memory:///{path}")

        async def find() -> str | None:
            return await address_hints.address_hint(address, Access())

        session = Session(lambda: MemoryStore(address, database=keyspace), Codecs(), find_nearby=find)
        async with session:
            app = Keyscope(session)
            async with app.run_test(size=WIDE, notifications=True) as pilot:
                page = Page(app, session, pilot)
                await page.settle()
                if hint is None:
                    await page.shows("No keys here.")
                else:
                    await page.until(lambda: hint in left_of(page) and "w unlocks writing" in left_of(page), hint)


async def test_freeze_keeps_display(place: Place) -> None:
    async with browsing(place.connect, Codecs()) as page, place.other() as other:
        await page.press("G", "f")
        await page.shows("FROZEN")
        await other.put("top", b"later")
        await page.settle()
        assert "later" not in page.text()
        await page.press("f")
        await page.shows("later")


class TestKeysThatDoNothingHere:
    """A key says why it does nothing, and the footer shows what can be done."""

    async def test_key_of_another_pane_says_where_it_works(self, place: Place) -> None:
        """A d and an m in the locks and the changes name the panes that they work in; ctrl+c says how to quit."""
        async with browsing(place.connect, Codecs()) as page:
            await page.press("4", "d")
            await page.shows("Delete: only in tree, value")
            await page.press("3", "m")
            await page.shows("Seen: only in tree")
            await page.press("ctrl+c")
            await page.shows("q or ctrl+q quits")

    async def test_footer_shows_state_of_switches(self, place: Place) -> None:
        """Read-only and writing are told apart, and what is off is not offered."""
        async with browsing(place.connect, Codecs()) as page:
            await page.shows("w Read-only")
            assert "e Edit" not in page.text()
            await page.press("w")
            await page.shows("w Writing", "n New")

    async def test_chosen_theme_is_stored(self, place: Place, tmp_path: Path) -> None:
        """The theme of the palette is used in the next session, too; one that no longer exists is not."""
        file = tmp_path / "state" / "theme"
        async with Session(place.connect, Codecs()) as session:
            app = Keyscope(session, theme_file=file)
            async with app.run_test():
                app.action_choose_theme("keyscope-light")
            app = Keyscope(session, theme_file=file)
            async with app.run_test():
                assert app.theme == "keyscope-light"
        file.write_text("gone\n")
        assert remembered_theme(file) is None

    async def test_changes_title_counts_newer_entries(self, place: Place) -> None:
        """Whoever reads further down learns how many newer entries there are."""
        async with browsing(place.connect, Codecs()) as page, place.other() as other:
            for number in range(40):
                await other.put(f"log/{number}", b"")
            await page.press("4", "G")
            await other.put("log/new", b"")
            await page.shows("newer above")
            await page.press("g")
            await page.hides("newer above")

    async def test_status_line_at_80_columns_shows_whole_reason(self, place: Place) -> None:
        """Of the first line the address is shortened, not why what is shown is not live."""
        async with browsing(place.connect, Codecs()) as page:
            await page.press("f")
            await page.until(lambda: "frozen: f resumes" in page.lines()[0], "the whole reason")
            assert "FROZEN" in page.lines()[0]
