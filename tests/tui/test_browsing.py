"""Looking around: the tree moves, the value follows, keys find what they name; nothing is written."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.command import CommandList
from textual.widgets import Input

from explorer.codecs.documents import Codecs
from explorer.drivers import nearby
from explorer.drivers.memory import Keyspace, ManualClock, MemoryStore
from explorer.model.address import Access, Address, parse
from explorer.model.entries import Entry
from explorer.model.errors import Unauthenticated
from explorer.model.key_text import escape_key
from explorer.model.text import inert
from explorer.session.session import Session
from explorer.tui.app import Keyscope
from explorer.tui.panes.tree import TreePane
from explorer.tui.themes import remembered_theme
from explorer.tui.widgets.prompt import Prompt
from tests.session.ground import Place
from tests.tui.page import NARROW, WIDE, Page, browsing

SIZES = pytest.mark.parametrize("size", [NARROW, WIDE], ids=["80x24", "160x50"])


async def filled(place: Place) -> None:
    async with place.other() as store:
        for key, value in {
            "config/app": b'{"threads": 8}',
            "config/app/below": b"deep",
            "config/empty": b"",
            "flags/a": b"on",
            "flags/b": b"off",
            "top": b"a value at the top",
        }.items():
            await store.put(key, value)


@pytest.fixture
async def place() -> Place:
    place = Place()
    await filled(place)
    return place


class TestTheTree:
    @SIZES
    async def test_opens_a_level_at_a_time_and_the_value_follows_the_cursor(
        self, place: Place, size: tuple[int, int]
    ) -> None:
        async with browsing(place.connect, Codecs(), size=size) as page:
            assert "▸ config/" in page.find("config/")
            assert "below" not in page.text()
            await page.press("l", "down")
            await page.shows("▸•app/", '"threads": 8', "json, indented: valid JSON")

    async def test_moves_while_somebody_else_writes(self, place: Place) -> None:
        async with browsing(place.connect, Codecs()) as page, place.other() as other:
            await page.press("down", "right")
            await other.put("flags/c", b"new")
            await page.shows("c  ", "+")
            await other.delete("flags/a")
            await page.until(
                lambda: any("a" in line and "-" in line for line in page.lines()[2:10]), "a marked as gone"
            )

    async def test_counts_changes_below_a_closed_folder(self, place: Place) -> None:
        async with browsing(place.connect, Codecs()) as page, place.other() as other:
            await other.put("flags/a", b"1")
            await other.put("flags/b", b"2")
            await page.until(lambda: "±2" in page.find("flags/"), "two changes")

    async def test_shows_the_value_as_it_changes(self, place: Place) -> None:
        async with browsing(place.connect, Codecs()) as page, place.other() as other:
            await page.press("G")
            await page.shows("a value at the top")
            await other.put("top", b"another value")
            await page.shows("another value")
            await other.delete("top")
            await page.shows("deleted since", "another value")

    async def test_tells_an_empty_value_from_none(self, place: Place) -> None:
        async with browsing(place.connect, Codecs()) as page:
            await page.press("l", "down", "down")
            await page.shows("config/empty", "0 B")
            await page.press("up", "up")
            await page.shows("a folder; it has no value of its own")


class TestFinding:
    async def test_a_filter_keeps_what_matches_and_esc_brings_the_rest_back(self, place: Place) -> None:
        async with browsing(place.connect, Codecs()) as page:
            await page.press("l", "down", "down", "/")
            await page.type("emp")
            await page.shows("1 of")
            assert "flags" not in "\n".join(line[:30] for line in page.lines())
            await page.press("enter")
            await page.shows("config/empty")
            await page.press("escape")
            await page.shows("flags/", "config/empty")

    async def test_what_is_selected_is_the_row_that_is_shown_as_selected(self, place: Place) -> None:
        """The value pane follows the row under the cursor while a filter hides the selected key, and afterwards."""
        async with browsing(place.connect, Codecs()) as page:
            await page.press("G", "/")
            await page.type("flags")
            await page.until(lambda: page.session.selected == "flags", "the only row is selected")
            await page.type("zzz")
            await page.press("enter", "down")
            await page.shows("no key is selected", "/flagszzz  esc ends the filter", "0 of 3 loaded keys")
            await page.press("escape")
            await page.shows("a value at the top")
            assert page.session.selected == "top"

    async def test_an_action_brings_its_row_into_sight(self, place: Place) -> None:
        """What acts on the selected key shows its row first, wherever the view was scrolled to."""
        async with place.other() as store:
            for number in range(100):
                await store.put(f"k{number:02}", b"")
        async with browsing(place.connect, Codecs()) as page:
            await page.press("g", "down")
            view = page.app.screen.query_one(TreePane).keys
            view.scroll_to(y=60, animate=False)
            await page.until(lambda: view.scroll_offset.y > view.cursor_row, "it is scrolled away")
            await page.press("d")
            await page.until(lambda: view.scroll_offset.y <= view.cursor_row == 1, "the row is in sight")

    async def test_a_deleted_key_stays_selected_until_one_moves(self, place: Place) -> None:
        """The row of the selected key stays, shown as deleted with its last value, until the cursor moves."""
        async with browsing(place.connect, Codecs()) as page, place.other() as other:
            await page.press("down", "l", "down")
            await page.shows("flags/a", "on")
            await other.delete_tree("flags")
            await page.shows("deleted since")
            tree = page.session.tree
            await page.until(lambda: tree.at(1).ghost, "the folder is gone, too")
            while tree.sweep(tree.clock() + 60):
                pass
            page.app.screen.query_one(TreePane).draw()
            await page.settle()
            assert page.session.selected == "flags/a"
            await page.shows("deleted since")
            assert tree.at(2).ghost
            await page.press("down")
            assert [tree.at(row).name for row in range(len(tree))] == ["config", "top"]
            assert page.session.selected == "top"

    async def test_a_folder_that_a_filter_found_shows_what_is_in_it(self, place: Place) -> None:
        async with browsing(place.connect, Codecs()) as page:
            await page.press("/")
            await page.type("conf")
            await page.press("enter", "g", "l")
            await page.shows("app/", "empty", "3 of")
            assert "flags" not in page.text()

    async def test_a_key_that_a_filter_hides_is_gone_to_and_ends_the_filter(self, place: Place) -> None:
        async with browsing(place.connect, Codecs()) as page:
            await page.press("l", "/")
            await page.type("emp")
            await page.press("enter", ":", "ctrl+u")
            await page.type("flags/b")
            await page.press("enter")
            await page.shows("off", "flags/b")
            assert page.session.tree.findings is not None, "its folder was opened, and shows what is in it"
            await page.press(":", "ctrl+u")
            await page.type("config/app")
            await page.press("enter")
            await page.shows("config/app", "valid JSON", "top")
            assert page.session.selected == "config/app"
            assert page.session.tree.findings is None

    async def test_a_key_is_gone_to_by_its_name(self, place: Place) -> None:
        async with browsing(place.connect, Codecs()) as page:
            await page.press(":")
            await page.type("flags/b")
            await page.press("enter")
            await page.shows("off", "rev")
            assert page.session.selected == "flags/b"

    async def test_a_key_that_is_not_there_says_so_and_goes_as_near_as_there_is(self, place: Place) -> None:
        async with browsing(place.connect, Codecs()) as page:
            await page.press(":")
            await page.type("flags/nothing")
            await page.press("enter")
            await page.shows("no such key")
            assert page.session.selected == "flags"


class TestPanes:
    async def test_each_has_its_key_and_narrow_screens_show_one_beside_the_tree(self, place: Place) -> None:
        async with browsing(place.connect, Codecs()) as page:
            await page.shows("2 Value")
            await page.press("4")
            await page.shows("4 Changes")
            assert "2 Value" not in page.text()
            await page.press("1", "2")
            await page.shows("2 Value")

    async def test_wide_screens_show_all(self, place: Place) -> None:
        async with browsing(place.connect, Codecs(), size=WIDE) as page:
            await page.shows("1 Keys", "2 Value", "3 Locks", "4 Changes")

    async def test_zoom_gives_one_the_whole_screen(self, place: Place) -> None:
        async with browsing(place.connect, Codecs(), size=WIDE) as page:
            await page.press("2", "+")
            await page.shows("2 Value")
            assert "1 Keys" not in page.text()
            await page.press("escape")
            await page.shows("1 Keys")

    async def test_locks_tell_holder_and_waiters(self, place: Place) -> None:
        async with place.other() as one, place.other() as two:
            lock = one.lock("jobs/nightly", ttl=30)
            await lock.acquire()
            waiting = two.tasks.start(two.lock("jobs/nightly", ttl=30).acquire(), name="waiting")
            async with browsing(place.connect, Codecs(), size=WIDE) as page:
                await page.shows("jobs/nightly", "1 waiting", "●", "left", "fence")
            await two.tasks.end(waiting)

    async def test_metadata_and_history_are_tabs_of_the_value(self, place: Place) -> None:
        async with place.other() as other:
            await other.put("top", b"second")
        async with browsing(place.connect, Codecs()) as page:
            await page.press("G", "2", "]")
            await page.shows("revision: ", "read as: text")
            await page.press("]")
            await page.shows("a value at the top")

    async def test_history_follows_its_key_and_another_key_shows_its_value(self, place: Place) -> None:
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
    async def test_writing_is_off_until_it_is_unlocked(self, place: Place) -> None:
        async with browsing(place.connect, Codecs()) as page:
            await page.shows("read-only")
            await page.press("G", "e")
            await page.shows("read-only: w unlocks writing")
            await page.press("w")
            await page.shows("WRITING")

    async def test_help_lists_every_key_of_the_place_with_the_reason(self, place: Place) -> None:
        async with browsing(place.connect, Codecs(), size=WIDE) as page:
            await page.press("?")
            await page.shows("Edit the value in place.", "(read-only: w unlocks writing)")
            await page.press("escape")
            await page.shows("1 Keys")

    async def test_help_of_the_tree_explains_its_signs(self, place: Place) -> None:
        async with browsing(place.connect, Codecs(), size=(160, 90)) as page:
            await page.press("?")
            await page.shows("A draft of the key is kept: e goes on with it.", "Changes below a closed folder")

    async def test_what_is_typed_as_the_palette_closes_ends_nothing(self, place: Place) -> None:
        async with browsing(place.connect, Codecs()) as page:
            await page.press("ctrl+p")
            await page.shows("Search for commands")
            await page.app.screen.query_one(CommandList).remove()  # as closing does, a moment before the screen goes
            page.app.screen.query_one(Input).value = "late"
            await page.press("escape")
            await page.shows("1 Keys")


class TestTheConnection:
    async def test_a_store_that_cannot_be_reached_is_tried_again(self, place: Place) -> None:
        place.cut("nobody listens there")
        async with browsing(place.connect, Codecs()) as page:
            await page.shows("DISCONNECTED", "nobody listens there", "tries again")
            place.mend()
            await page.shows("LIVE", "config/")

    async def test_a_refused_password_waits_for_the_person(self, place: Place) -> None:
        place.refusal = Unauthenticated("the store refuses user and password", hint="check the password file")
        async with browsing(place.connect, Codecs()) as page:
            await page.shows("the store refuses user and password", "check the password file", "r tries again")
            place.refusal = None
            await page.press("r")
            await page.shows("LIVE", "config/")

    async def test_what_is_shown_stays_when_the_store_is_gone_and_says_so(self, place: Place) -> None:
        async with browsing(place.connect, Codecs()) as page:
            await page.press("G")
            await page.shows("a value at the top")
            place.cut()
            await page.until(lambda: "● LIVE" not in page.text(), "no longer live")
            await page.shows("a value at the top", "config/")
            place.mend()
            await page.shows("● LIVE")

    async def test_on_a_narrow_screen_the_cause_goes_before_figures_and_silence_is_no_rate(self, place: Place) -> None:
        async with browsing(place.connect, Codecs(), size=(60, 24)) as page:
            await page.shows("● LIVE", "0/s")
            place.cut("no answer within 2 s")
            await page.shows("no answer within 2 s", "read-only")
            assert "/s" not in page.lines()[0]

    async def test_an_empty_store_says_what_to_do(self) -> None:
        async with browsing(Place().connect, Codecs()) as page:
            await page.shows("No keys here. w unlocks", "n makes one.")
            await page.press("w")
            await page.shows("No keys here. n makes one.")

    @pytest.mark.parametrize(
        ("path", "hint"),
        [
            ("registry/", "there is below memory:////registry/"),
            ("config/app.yaml", "it names a key: open memory:///config/ to see it"),
            ("config/app.yaml/", "it names a key: open memory:///config/ to see it"),
            ("elsewhere/", None),
        ],
    )
    async def test_an_address_without_keys_says_where_they_are(
        self, path: str, hint: str | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An address with a slash too few, and one that names a key, show where the keys are."""
        keyspace = Keyspace(ManualClock())

        def driver(_: Address) -> Callable[[Address, Access], MemoryStore]:
            return lambda address, access: MemoryStore(address, access, keyspace=keyspace)

        monkeypatch.setattr(nearby, "driver", driver)
        async with MemoryStore(parse("memory:"), keyspace=keyspace) as store:
            await store.put("/registry/pods/a", b"")
            await store.put("config/app.yaml", b"a: 1")
        address = parse(f"memory:///{path}")

        async def find() -> str | None:
            return await nearby.contents_nearby(address, Access())

        session = Session(lambda: MemoryStore(address, keyspace=keyspace), Codecs(), nearby=find)
        async with session:
            app = Keyscope(session)
            async with app.run_test(size=WIDE, notifications=True) as pilot:
                page = Page(app, session, pilot)
                await page.settle()
                if hint is None:
                    await page.shows("No keys here.")
                else:
                    await page.until(lambda: hint in left_of(page) and "w unlocks writing" in left_of(page), hint)


async def test_a_held_display_stands_still(place: Place) -> None:
    async with browsing(place.connect, Codecs()) as page, place.other() as other:
        await page.press("G", "f")
        await page.shows("FROZEN")
        await other.put("top", b"later")
        await page.settle()
        assert "later" not in page.text()
        await page.press("f")
        await page.shows("later")


def left_of(page: Page) -> str:
    """Return what is said on the left, as running text."""
    return " ".join(" ".join(line.split("▕")[0] for line in page.lines()).split())


def lines_of_the_tree(page: Page) -> list[str]:
    return [line[:31].rstrip() for line in page.lines()[2:-1]]


class TestCopying:
    async def test_offers_a_value_that_is_being_read(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        async with browsing(place.connect, Codecs()) as page:
            answered, get = asyncio.Event(), MemoryStore.get

            async def slow(store: MemoryStore, key: str) -> Entry:
                await answered.wait()
                return await get(store, key)

            monkeypatch.setattr(MemoryStore, "get", slow)
            await page.pilot.press("G", "y")
            await page.shows("Value  being read", "Key and value")
            await page.pilot.press("down", "enter")
            await page.shows("nothing was copied: the value is not read yet")
            await page.pilot.press("y")
            await page.shows("Value  being read")
            answered.set()
            await page.settle()
            await page.press("down", "enter")
            await page.shows("copied: value")
            assert page.app.clipboard == "a value at the top"

    async def test_offers_no_value_where_there_is_none(self, place: Place) -> None:
        async with browsing(place.connect, Codecs()) as page:
            await page.press("y")
            await page.shows("Key  config", "Command  keyscope ls")
            assert "Key and value" not in page.text()


class TestThePromptOfKeys:
    """`:` completes from the store, understands what the app shows and copies, and lets nothing become a command."""

    async def test_tab_completes_and_goes_on_typing(self, place: Place) -> None:
        """Tab accepts the completion, also one that is still asked for; what is typed then belongs to the text."""
        async with browsing(place.connect, Codecs()) as page:
            await page.pilot.press(":", *"conf", "tab")
            await page.shows(": config/")
            await page.type("a")
            await page.press("shift+tab")
            await page.shows(": config/app")
            await page.type("q")
            assert page.app.is_running
            await page.press("escape")
            await page.hides(": config")

    async def test_a_folder_that_is_not_loaded_is_completed(self, place: Place) -> None:
        """The store is asked below the folder typed; the tree itself stays as it is."""
        async with place.other() as store:
            for number in range(1200):
                await store.put(f"far/{number:04}/deep/key", b"")
        async with browsing(place.connect, Codecs()) as page:
            rows = len(page.session.tree)
            for text, completed in (("far/119", "far/1190/"), ("far/1199", "far/1199/"), ("far/0003/deep/", "key")):
                await page.press(":", "ctrl+u")
                await page.type(text)
                await page.press("tab")
                field = page.app.screen.query_one("#go Input", Input)
                await page.until(lambda end=completed: field.value.endswith(end), completed)  # type: ignore[misc]  # noqa: B023 - read at once
                await page.press("escape")
            assert len(page.session.tree) == rows

    async def test_a_trailing_slash_means_the_folder(self, place: Place) -> None:
        """`config/` is the folder, be it completed or typed; no toast says that it does not exist."""
        async with browsing(place.connect, Codecs()) as page:
            await page.press(":")
            await page.type("config/")
            await page.press("enter")
            assert page.session.selected == "config"
            assert "no such key" not in page.text()

    @pytest.mark.parametrize(
        "key", ["odd/bin-\udcff\udcfe\x00-key", "odd/esc-\x1b[31mred", "odd/C:\\dir", "odd/new\nline"]
    )
    async def test_keys_are_gone_to_as_they_are_shown(self, place: Place, key: str) -> None:
        """The spelling that the app shows and copies is understood; a backslash of the key itself, too."""
        async with place.other() as store:
            await store.put(key, b"found it")
        for text in {inert(key), escape_key(key)}:
            async with browsing(place.connect, Codecs()) as page:
                await page.press(":")
                page.app.screen.query_one("#go Input", Input).value = text
                await page.press("enter")
                assert page.session.selected == key

    async def test_arrows_bring_back_what_was_entered(self, place: Place) -> None:
        """Up and down go through what was entered before."""
        async with browsing(place.connect, Codecs()) as page:
            for text in ("top", "flags"):
                await page.press(":", "ctrl+u")
                await page.type(text)
                await page.press("enter")
            await page.press(":", "up", "up")
            await page.shows(": top")
            await page.press("down", "enter")
            assert page.session.selected == "flags"

    async def test_keys_after_enter_go_to_the_tree(self, place: Place) -> None:
        """What is pressed right behind enter is for the tree; what is pressed after a click, for where was clicked."""
        async with browsing(place.connect, Codecs()) as page:
            await page.pilot.press(":", "ctrl+u", *"flags", "enter", "w")
            await page.settle()
            assert page.session.writable
            await page.press(":")
            await page.pilot.click("KeyTree")
            await page.settle()
            assert not page.app.screen.query_one("#go", Prompt).is_open


class TestKeysThatDoNothingHere:
    """A key says why it does nothing, and the footer shows what can be done."""

    async def test_a_key_of_another_pane_says_where_it_works(self, place: Place) -> None:
        """d, t and / in the locks and the changes name the panes they work in; ctrl+c says how to quit."""
        async with browsing(place.connect, Codecs()) as page:
            await page.press("4", "d")
            await page.shows("Delete: only in tree, value")
            await page.press("3", "/")
            await page.shows("Filter: only in tree")
            await page.press("ctrl+c")
            await page.shows("q or ctrl+q quits")

    async def test_the_footer_says_how_switches_stand(self, place: Place) -> None:
        """Read-only and writing are told apart, and what is off is not offered."""
        async with browsing(place.connect, Codecs()) as page:
            await page.shows("w Read-only")
            assert "e Edit" not in page.text()
            await page.press("w")
            await page.shows("w Writing", "n New")

    async def test_a_chosen_theme_is_remembered(self, place: Place, tmp_path: Path) -> None:
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

    async def test_the_log_counts_what_is_above(self, place: Place) -> None:
        """Whoever reads further down learns how many newer entries there are."""
        async with browsing(place.connect, Codecs()) as page, place.other() as other:
            for number in range(40):
                await other.put(f"log/{number}", b"")
            await page.press("4", "G")
            await other.put("log/new", b"")
            await page.shows("newer above")
            await page.press("g")
            await page.hides("newer above")

    async def test_the_reason_is_whole_at_eighty_columns(self, place: Place) -> None:
        """Of the first line the address is shortened, not why what is shown is not live."""
        async with browsing(place.connect, Codecs()) as page:
            await page.press("f")
            await page.until(lambda: "frozen: f lets it go on" in page.lines()[0], "the whole reason")
            assert "FROZEN" in page.lines()[0]
