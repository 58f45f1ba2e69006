"""The list of types: of a large value it opens at once, and fills when a thread has found them."""

import threading

from explorer.codecs.base import Choice
from explorer.codecs.codecs import Codecs
from explorer.session.decoder import THREAD_SIZE
from tests.session.fixtures import Place
from tests.tui.app_harness import browsing


class SlowCodecs(Codecs):
    """Codecs that look for the types of a value until a test lets them: a stand-in for a slow machine."""

    def __init__(self) -> None:
        super().__init__()
        self.found = threading.Event()

    def choices(self, key: str, value: bytes) -> tuple[Choice, ...]:
        assert threading.current_thread() is not threading.main_thread()
        assert self.found.wait(30)
        return super().choices(key, value)


async def test_type_list_of_large_value_opens_and_fills() -> None:
    """Text typed meanwhile filters the options found later; only a visible one can be selected."""
    place, codecs = Place(), SlowCodecs()
    async with place.other() as store:
        await store.put("key", b"[1]" + b" " * THREAD_SIZE)
    async with browsing(place.connect, codecs) as page:
        try:
            await page.press("t")
            await page.shows("Read this value as", "Automatic", "searching for more")
            await page.type("hex")
            await page.press("enter")
            await page.shows("Read this value as", "searching for more")
            assert "Automatic" not in page.text()
        finally:
            codecs.found.set()
        await page.hides("searching for more")
        await page.shows("hex")
        assert "Automatic" not in page.text()
        await page.press("enter")
        await page.shows("hex: for which keys?")


async def test_type_list_left_early_is_gone() -> None:
    """Options found after the list was left change nothing."""
    place, codecs = Place(), SlowCodecs()
    async with place.other() as store:
        await store.put("key", b"[1]" + b" " * THREAD_SIZE)
    async with browsing(place.connect, codecs) as page:
        try:
            await page.press("t")
            await page.shows("searching for more")
            await page.press("escape")
            await page.shows("1 Keys")
        finally:
            codecs.found.set()
        await page.press("y")
        await page.shows("Copy", "Key and value")
