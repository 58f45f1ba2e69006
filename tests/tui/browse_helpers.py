"""The keys that tests of browsing look at, and what of them is on the left of the screen."""

from tests.session.fixtures import Place
from tests.tui.app_harness import Page


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


def left_of(page: Page) -> str:
    """Return what is said on the left, as running text."""
    return " ".join(" ".join(line.split("▕")[0] for line in page.lines()).split())


def lines_of_the_tree(page: Page) -> list[str]:
    return [line[:31].rstrip() for line in page.lines()[2:-1]]
