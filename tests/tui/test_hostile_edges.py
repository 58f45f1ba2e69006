"""Edges of what strangers put into a store: names without letters, what is copied, what is very large."""

import pytest

from explorer.codecs.codecs import Codecs
from explorer.model.sanitize import sanitize
from tests.scale import figure
from tests.session.fixtures import Place
from tests.tui.app_harness import browsing
from tests.tui.hostile_text import stored, suspects
from tests.tui.test_hostile import EACH


class TestAFolderWithTheEmptyName:
    """Folders of keys that begin with the separator, or have it twice."""

    async def test_folder_with_empty_name_is_deleted_alone(self) -> None:
        place = Place()
        async with place.other() as store:
            for key in ("/registry/a", "/registry/b", "config"):
                await store.put(key, b"x")
            async with browsing(place.connect, Codecs(), writable=True) as page:
                await page.shows("a folder without a value")
                await page.press("d")
                await page.shows("Everything below /: 2 entries", "Type '/' to confirm")
                await page.press("enter")
                await page.shows("Everything below /")
                assert await store.exists("/registry/a")
                await page.type("/")
                await page.press("enter")
                await page.shows("deleted 2")
            assert await store.exists("config")

    async def test_folder_with_empty_name_keeps_siblings(self) -> None:
        place = Place()
        async with place.other() as store:
            for key in ("a//b", "a/c"):
                await store.put(key, b"x")
            async with browsing(place.connect, Codecs(), writable=True) as page:
                await page.press("l", "down", "d")
                await page.shows("Everything below a/: 1 entry", "Type 'a//' to confirm")
                await page.type("a//")
                await page.press("enter")
                await page.shows("deleted 1")
            assert await store.exists("a/c")


class TestACopy:
    @EACH
    async def test_clipboard_holds_no_control_characters(self, text: str) -> None:
        place = Place()
        async with place.other() as store:
            await store.put(f"k{text}", stored(text))
        async with browsing(place.connect, Codecs()) as page:
            await page.session.tree.reveal(f"k{text}")
            await page.press("G")
            for down in range(4):
                await page.press("y", *["down"] * down, "enter")
                await page.shows("copied")
                assert suspects(page.app.clipboard.replace("\n", "").replace("\t", "")) == []


LETTERS = ("\u6f22", "\x1b", "a\n", "x", "\u0434", "e\u0301", "\U0001f44d")


class TestWhatIsLarge:
    """Each is waited for with a deadline: none of it stops the app."""

    @pytest.mark.parametrize("letter", figure(LETTERS[:3], LETTERS), ids=ascii)
    async def test_line_of_four_mebibytes_is_shown(self, letter: str) -> None:
        place = Place()
        value = (letter * (4 * 2**20 // len(letter.encode()))).encode()
        async with place.other() as store:
            await store.put("large", value)
            await store.put("small", b"a small one")
        async with browsing(place.connect, Codecs()) as page:
            await page.shows("4.0 MiB", sanitize(letter[0]))
            await page.press("2", "pagedown", "G", "g", "+", "+", "]", "[", "1", "down")
            await page.shows("a small one")

    @pytest.mark.heavy
    async def test_conflict_of_many_equal_lines_is_shown(self) -> None:
        place = Place()
        async with place.other() as store:
            await store.put("many", b"{\n" * 40_000)
            async with browsing(place.connect, Codecs(), writable=True) as page:
                await page.press("e", "x")
                await store.put("many", b"{\n" * 39_000 + b"}\n")
                await page.press("ctrl+s", "ctrl+s")
                await page.shows("Base", "Theirs", "Mine")

    async def test_name_of_a_mebibyte_is_a_row(self) -> None:
        place = Place()
        async with place.other() as store:
            await store.put("n" * 2**20, b"x")
        async with browsing(place.connect, Codecs(), writable=True) as page:
            await page.shows("nnn\N{HORIZONTAL ELLIPSIS}nnn", "1 B")
            await page.press("d")
            await page.shows("Delete this key?", "Cancel")


async def test_line_like_a_diff_header_is_shown() -> None:
    place = Place()
    async with place.other() as store:
        await store.put("yaml", b"a: 1\n-- b\n++ c\n")
    async with browsing(place.connect, Codecs(), writable=True) as page:
        await page.press("e", "ctrl+home", "down", "end", "1", "down", "end", "1", "ctrl+s")
        await page.shows("--- b", "+-- b1", "-++ c", "+++ c1")
