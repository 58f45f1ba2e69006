"""All that can be longer than the screen scrolls by the same keys, shows its help, and keeps its facts in sight."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from textual.widgets import TextArea

from explorer.codecs.codecs import Codecs
from explorer.drivers.memory import MemoryStore
from explorer.session.commands import ACTIONS
from explorer.tui.screens.edit_status import MAX_EDITED
from explorer.tui.widgets.key_tree import KeyTree
from tests.session.fixtures import Place
from tests.tui.app_harness import NARROW, WIDE, Page, browsing

SIZES = pytest.mark.parametrize("size", [NARROW, WIDE], ids=["80x24", "160x50"])
LINES = [f"line {number:03}" for number in range(200)]
TEXT = "\n".join(LINES) + "\n"
DOWN = ("down", "j", "pagedown", "space", "ctrl+d", "G", "end")
UP = ("up", "k", "pageup", "ctrl+u", "g", "home")


@asynccontextmanager
async def shown(view: str, size: tuple[int, int], place: Place) -> AsyncGenerator[Page, None]:
    """Open the app on one of the views."""
    async with place.other() as store, AsyncExitStack() as stack:
        await store.put("key", b"one version\n")
        await store.put("key", TEXT.encode())
        page = await stack.enter_async_context(browsing(place.connect, Codecs(), size=size, writable=True))
        await page.shows("line 000")
        match view:
            case "value":
                await page.press("2")
                await page.shows("line 005")
            case "review":
                await page.press("e")
                await page.shows("not modified")
                page.app.screen.query_one(TextArea).load_text("\n".join(f"new {line}" for line in LINES))
                await page.press("ctrl+s")
                await page.shows("Save key?", "line 001")
            case "conflict":
                await page.press("e", "x")
                await store.put("key", TEXT.replace("line 150", "theirs").encode())
                await page.press("ctrl+s", "ctrl+s")
                await page.shows("Base:", "line 005", "Difference 1 of 2")
            case "deletion":
                for line in LINES:
                    place.keyspace.put(f"folder/{line}".encode(), b"")
                await page.press("g")
                await page.shows("folder")
                await page.session.tree.reveal("folder")
                await page.press("g", "d")
                await page.shows("Everything below folder: 200 entries", "line 000")
                await page.press("shift+tab")
            case "reader":
                await store.put("key", TEXT.encode() * (MAX_EDITED // len(TEXT) + 2))
                await page.shows("130.1 KiB")
                await page.press("e")
                await page.shows("read-only here", "line 005")
            case "history":
                await page.press("2", "]", "]")
                await page.shows("[history]", "line 005")
            case _:
                await page.press("?")
                await page.shows("Keys in the tree")
        yield page


@asynccontextmanager
async def selected(place: Place, value: bytes) -> AsyncGenerator[tuple[Page, MemoryStore], None]:
    """Open the app on one key."""
    async with place.other() as store:
        await store.put("key", value)
        async with browsing(place.connect, Codecs(), writable=True) as page:
            await page.shows("rev ")
            yield page, store


VIEWS = ("value", "review", "conflict", "deletion", "reader", "history", "help")


@pytest.mark.parametrize("view", VIEWS)
async def test_long_views_scroll_by_same_keys_and_show_help(view: str) -> None:
    async with shown(view, NARROW, Place()) as page:
        await page.press("g")
        for key in DOWN:
            await page.press("g")
            before = page.lines()
            await page.press(key)
            assert page.lines() != before, key
        for key in UP:
            await page.press("G")
            before = page.lines()
            await page.press(key)
            assert page.lines() != before, key
        if view != "help":
            await page.press("f1")
            await page.shows("Keys in the", "Move up by half a page.")
            await page.press("escape")
            await page.hides("Keys in the")


class TestTheConflict:
    @SIZES
    async def test_conflict_columns_scroll_together(self, size: tuple[int, int]) -> None:
        async with shown("conflict", size, Place()) as page:
            await page.press("n")
            await page.shows("Difference 2 of 2", "theirs")
            row = page.find("theirs")
            assert row.count("line 150") == 2
            await page.press("N")
            await page.shows("Difference 1 of 2", "xline 000")
            await page.press("G")
            assert page.find("line 199").count("line 199") == 3

    async def test_conflict_outdated_theirs_is_compared_again(self) -> None:
        place = Place()
        async with shown("conflict", NARROW, place) as page:
            async with place.other() as other:
                await other.put("key", TEXT.replace("line 000", "newest").encode())
            await page.shows("The key was changed again", "r compares")
            assert "newest" not in page.text()
            await page.press("r")
            await page.shows("newest", "1 conflict between the changes")
            await page.hides("changed again")

    async def test_conflict_without_merge_disables_use_merged(self) -> None:
        place = Place()
        async with selected(place, b"one\n") as (page, store):
            await page.press("e", "x")
            await store.delete("key")
            await page.press("ctrl+s", "ctrl+s")
            await page.shows("key was deleted by another client", "Theirs: deleted")
            await page.press("b")
            await page.shows("nothing to merge", "Theirs: deleted")


class TestTheReview:
    async def test_review_of_new_key_has_added_lines_only(self) -> None:
        """Named with its store; nothing reads as if an empty value was replaced."""
        place = Place()
        async with browsing(place.connect, Codecs(), writable=True) as page:
            await page.press("n")
            await page.type("fresh")
            await page.press("enter")
            await page.type("hello")
            await page.press("ctrl+s")
            await page.shows("Create fresh?", "in memory:", "+hello", "Create (ctrl+s)")
            assert not [line for line in page.lines() if line.strip(" │▕").startswith("-")]

    async def test_review_of_empty_new_key_says_so(self) -> None:
        place = Place()
        async with browsing(place.connect, Codecs(), writable=True) as page:
            await page.press("n")
            await page.type("empty")
            await page.press("enter", "ctrl+s")
            await page.shows("Create empty?", "(an empty value)")

    async def test_review_uses_remapped_save_key(self) -> None:
        place = Place()
        actions = ACTIONS.with_keys({"save": ["f2"]})
        async with place.other() as store:
            await store.put("key", b"one\n")
            async with browsing(place.connect, Codecs(), writable=True, actions=actions) as page:
                await page.press("e", "x", "f2")
                await page.shows("Save key?", "Save (f2)")
                await page.press("ctrl+s")
                await page.shows("Save key?")
                await page.press("f2")
                await page.shows("saved key")


class TestTheDeletion:
    @pytest.mark.heavy
    @SIZES
    async def test_deletion_preview_lists_all_keys(self, size: tuple[int, int]) -> None:
        async with shown("deletion", size, Place()) as page:
            facts = ("200 entries", "in memory:", "Nothing is deleted if a key below it changes before.")
            await page.shows(*facts, "Type 'folder' to confirm")
            named = set()
            for _ in LINES:
                text = page.text()
                named |= {line for line in LINES if f"folder/{line}" in text}
                await page.pilot.press("pagedown")
                await page.pilot.pause()
                if len(named) == len(LINES):
                    break
            assert named == set(LINES)
            await page.shows(*facts)
            assert sum("folder/line" in line for line in page.lines()) == size[1] - 8  # no row is left empty

    async def test_deletion_preview_types_while_scrolling(self) -> None:
        async with shown("deletion", NARROW, Place()) as page:
            await page.press("tab")
            await page.type("fold")
            await page.press("pagedown")
            await page.shows("fold", "line 020")
            await page.type("er")
            await page.press("enter")
            await page.shows("deleted 200")


class TestTheValuePane:
    async def test_value_left_focuses_tree(self) -> None:
        place = Place()
        async with selected(place, b"one\n") as (page, _):
            for key in ("h", "left"):
                await page.press("2", key)
                assert page.app.focused is not None
                assert isinstance(page.app.focused, KeyTree)

    async def test_value_notes_are_wrapped(self) -> None:
        place = Place()
        async with place.other() as store, browsing(place.connect, Codecs()) as page:
            await store.put("key", b"one\x1b\n")
            await page.shows("shown escaped", "cannot be shown", "backslash")


async def read_to_the_end(page: Page) -> str:
    """Return what is on the screen, page by page, until there is no further one."""
    found = [page.text()]
    while len(found) == 1 or found[-1] != found[-2]:
        await page.press("pagedown")
        found.append(page.text())
    return "".join(found)


async def test_help_wraps_lines_and_lists_editor_keys() -> None:
    place = Place()
    async with selected(place, b"one\n") as (page, _):
        await page.press("e", "f1")
        found = await read_to_the_end(page)
        for words in ("Undo.", "Redo.", "Cut.", "Paste.", "Select all.", "Delete line."):
            assert words in found
        await page.press("escape", "escape", "w", "?")
        found = (await read_to_the_end(page)).replace("│", " ")
        assert "elsewhere, to the key of the row." in " ".join(found.split())
        assert "(read-only: w unlocks writing)" in " ".join(found.split())
