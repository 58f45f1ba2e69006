"""The tree on the screen while its levels are read page by page."""

import asyncio

from explorer.model.errors import NotReachable
from tests.session.fixtures import PATIENCE, wait_for_value
from tests.tui.tree_harness import many, shown


async def test_key_tree_loads_pages_near_cursor() -> None:
    async with shown(*many(100), page=30, size=(40, 8)) as (app, pilot):
        assert len(app.keys.rows) == 31
        await pilot.press(*["pagedown"] * 4)
        await app.settle(pilot)
        await wait_for_value(lambda: len(app.keys.rows), 60)  # the last of a page is read again with the next
        await pilot.press(*["pagedown"] * 8)
        await app.settle(pilot)
        await wait_for_value(lambda: len(app.keys.rows), 100)


async def test_key_tree_end_loads_last_page_only() -> None:
    """G reads the last page and not what comes before it; what is gone up to is read from there."""
    async with shown(*many(500), page=30, size=(40, 8)) as (app, pilot):
        await pilot.press("G")
        await app.settle(pilot)
        await app.has(*(f"  k{number:04}" for number in range(492, 500)))
        await app.is_on("k0499")
        assert (len(app.keys.rows), app.store.asked) == (61, 2), "two pages, and a row between them"
        await pilot.press(*["pageup"] * 5)
        await app.settle(pilot)
        await app.is_on("k0464")
        await app.shows("k0463")
        await pilot.press("g", *["j"] * 29)
        await app.is_on("k0029")


async def test_key_tree_cursor_below_unread_folder_in_sight() -> None:
    """G and k below a wide folder leave the cursor in sight, and read nothing that is not come to."""
    async with shown(*(f"d/{name}" for name in many(500)), "odd", page=30, size=(40, 8)) as (app, pilot):
        await pilot.press("l")
        await app.settle(pilot)
        asked = app.store.asked
        await pilot.press("G")
        await app.settle(pilot)
        await app.has(*(f"├╴  k{number:04}" for number in range(24, 30)), "└╴… more; press enter to load them", "  odd")
        await app.is_on("odd")
        assert app.store.asked == asked
        for name in ("k0499", "k0498", "k0497"):
            await pilot.press("k")
            await app.settle(pilot)
            await app.is_on(name)
            await app.has(*(f"├╴  k{number:04}" for number in range(493, 499)), "└╴  k0499", "  odd")
            await wait_for_value(lambda: app.moved[-1], f"d/{name}")
        assert app.store.asked == asked + 1


async def test_key_tree_loaded_page_keeps_cursor_line() -> None:
    """The cursor stays on its node and in its line while pages are read above it and others write."""
    async with shown(*many(500), page=30, size=(40, 8)) as (app, pilot):
        node = await app.keys.reveal("k0300")
        assert node is not None
        app.view.move_cursor(node, direction=-1)
        await app.settle(pilot)
        await app.is_on("k0300")
        await app.shows("k0297")
        line = app.view.cursor.row - app.view.scroll_offset.y
        for number in range(20):
            app.store.put(f"k0290-{number:02}")
        app.deliver_events()
        await pilot.pause()
        await app.is_on("k0300")
        assert app.view.cursor.row - app.view.scroll_offset.y == line


async def test_key_tree_filter_loads_no_pages() -> None:
    async with shown(*many(100), page=30) as (app, pilot):
        asked = app.store.asked
        app.keys.filter.set("k0029")
        await app.settle(pilot)
        await app.has("  k0029", "… more; press enter to load them")
        assert app.store.asked == asked
        await pilot.press("G", "enter")
        await app.settle(pilot)
        await wait_for_value(lambda: app.store.asked, asked + 1)


async def test_key_tree_load_failure_is_shown_and_retried() -> None:
    async with shown("a/b", size=(70, 12)) as (app, pilot):
        app.store.held = True
        await pilot.press("l")
        await app.has("▾ a/", "└╴… loading")
        request = await asyncio.wait_for(app.store.next_request(), PATIENCE)
        request.answer = NotReachable("no \x1b[31mroute", hint="look at the cable")
        app.store.arrive(request)
        await app.settle(pilot)
        await app.has("▾ a/", "└╴✗ no \\x1b[31mroute (look at the cable); press enter to retry")
        app.store.held = False
        await pilot.press("j", "enter")
        await app.settle(pilot)
        await app.has("▾ a/", "└╴  b")
