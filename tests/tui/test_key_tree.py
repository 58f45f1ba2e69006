"""The tree on the screen, read as text."""

import pytest
from rich.cells import cell_len

from explorer.session.keytree.row_view import draft_signs
from explorer.tui.widgets.key_tree import KeyTree
from tests.session.fixtures import wait_for_value
from tests.tui.tree_harness import many, shown


async def test_key_tree_marks_folders_and_values() -> None:
    async with shown("a/b/c", "a/d", "e", "e/f") as (app, pilot):
        assert app.lines == ["▸ a/", "▸•e/"]
        await pilot.press("l", "l", "l")
        await app.settle(pilot)
        await app.has("▾ a/", "├╴▾ b/", "│ └╴  c", "└╴  d", "▸•e/")


async def test_key_tree_keys_move_open_and_close() -> None:
    async with shown("a/b", "a/c", "d", "e") as (app, pilot):
        for key, on in [("j", "d"), ("down", "e"), ("j", "e"), ("k", "d"), ("g", "a"), ("G", "e"), ("home", "a")]:
            await pilot.press(key)
            await app.is_on(on)
        await pilot.press("right")
        await app.settle(pilot)
        await app.has("▾ a/", "├╴  b", "└╴  c", "  d", "  e")
        for key, on in [("l", "b"), ("j", "c"), ("h", "a")]:
            await pilot.press(key)
            await app.is_on(on)
        await pilot.press("h")
        await app.has("▸ a/", "  d", "  e")
        await pilot.press("space")
        await app.has("▾ a/", "├╴  b", "└╴  c", "  d", "  e")
        await pilot.press("enter", "j", "enter")
        await pilot.pause()
        await wait_for_value(lambda: app.chosen, ["d"])


async def test_key_tree_page_and_end_keys_move() -> None:
    async with shown(*many(100)) as (app, pilot):
        for key, on in [("pagedown", "k0011"), ("pagedown", "k0022"), ("end", "k0099"), ("pageup", "k0088")]:
            await pilot.press(key)
            await pilot.pause()
            await app.is_on(on)
            await app.shows(on)


async def test_key_tree_half_page_keys_move() -> None:
    async with shown(*many(100)) as (app, pilot):
        for key, on in [("ctrl+d", "k0006"), ("ctrl+d", "k0012"), ("ctrl+u", "k0006")]:
            await pilot.press(key)
            await app.is_on(on)
            await app.shows(on)


async def test_key_tree_seen_clears_marks_and_draft_is_marked() -> None:
    """Marks that were seen are cleared; a key with a draft has a sign of its own."""
    async with shown("a", "b/c", "d") as (app, pilot):
        app.store.put("a")
        app.store.put("b/c")
        app.view.draft_signs = draft_signs({"d", "b/c"}, ())
        app.deliver_events()
        words = ["a ~", "▸ b/ ±1", "d ✎"]
        await wait_for_value(lambda: [" ".join(line.split()) for line in app.lines], words)
        await pilot.press("m")
        await wait_for_value(lambda: [" ".join(line.split()) for line in app.lines], ["a", "▸ b/", "d ✎"])


async def test_key_tree_posts_last_of_many_highlights() -> None:
    async with shown(*many(100)) as (app, pilot):
        await wait_for_value(lambda: app.moved[-1:], ["k0000"])
        before = len(app.moved)
        for _ in range(50):
            app.view.do_down()
        await pilot.pause()
        await wait_for_value(lambda: app.moved[-1], "k0050")
        assert len(app.moved) < before + 25


async def test_key_tree_rows_above_do_not_move_view() -> None:
    async with shown(*many(100)) as (app, pilot):
        await pilot.press("end", *["k"] * 5)
        await app.is_on("k0094")
        await app.shows("k0099")
        await pilot.pause()
        before, on = app.lines, app.on
        for number in range(30):
            app.store.put(f"a{number}")
        app.deliver_events()
        await pilot.pause()
        await wait_for_value(lambda: (app.lines, app.on), (before, on))
        for number in range(20):
            app.store.delete(f"k{number:04}")
        app.deliver_events()
        app.now = 31
        app.keys.sweep(app.now)
        app.view.sync()
        await pilot.pause()
        await wait_for_value(lambda: (app.lines, app.on), (before, on))
        assert app.view.scroll_offset.y == app.keys.rows.row_of(app.keys.rows.at(app.view.scroll_offset.y))


async def test_key_tree_cursor_stays_on_deleted_key() -> None:
    async with shown("a", "b", "c") as (app, pilot):
        await pilot.press("j")
        await app.is_on("b")
        app.store.delete("b")
        app.deliver_events()
        assert app.on == "b"
        app.now = 6
        app.keys.sweep(app.now)
        app.view.sync()
        await pilot.pause()
        await app.is_on("b")
        await app.has("  a", "  b" + " " * 36 + "-", "  c")
        await pilot.press("j")
        await app.is_on("c")
        await app.has("  a", "  c")


async def test_key_tree_opened_folder_shows_children() -> None:
    """Rows around the cursor and the children of a folder just opened are in sight."""
    folders = [f"k{number:04}/{child}" for number in range(40) for child in range(5)]
    async with shown(*folders, size=(40, 12)) as (app, pilot):
        app.view.move_cursor_to_row(20)
        await pilot.pause()
        assert [line.split()[1] for line in app.lines] == [f"k{number:04}/" for number in range(12, 24)]
        await pilot.press("l")
        await app.settle(pilot)
        await app.shows("└╴  4")
        await app.shows("k0020/")


async def test_key_tree_empty_names_are_explained() -> None:
    """A name without a character says what it stands for."""
    async with shown("/registry/x", "a/", "a/b", "odd//x", size=(70, 12)) as (app, pilot):
        await app.has("▸ / keys that begin with /", "▸ a/", "▸ odd/")
        for folder in (app.keys.rows.at(2), app.keys.rows.at(1)):
            app.keys.expand(folder)
        await app.settle(pilot)
        await app.has(
            "▸ / keys that begin with /", "▾ a/", '├╴  "" the key a/', "└╴  b", "▾ odd/", '└╴▸ ""/ keys that contain //'
        )


async def test_key_tree_value_marks_can_be_left_out() -> None:
    """A store whose every folder has a value needs no mark for it."""
    async with shown("a", "a/b") as (app, _):
        await app.has("▸•a/")
        app.view.has_value_marks = False
        app.view.sync()
        await app.has("▸ a/")


async def test_key_tree_cursor_survives_filter() -> None:
    async with shown("a", "b", "c") as (app, pilot):
        await pilot.press("G")
        await app.is_on("c")
        app.keys.filter.set("a")
        await app.settle(pilot)
        await app.has("  a")
        await app.is_on("a")
        app.keys.filter.set("nothing")
        await app.settle(pilot)
        await app.has("No loaded row matches.")
        app.keys.filter.set(None)
        await app.settle(pilot)
        await app.is_on("c")


async def test_key_tree_age_update_before_sync_keeps_rows() -> None:
    async with shown(*many(100), size=(60, 12)) as (app, pilot):
        app.view.move_cursor_to_row(50)
        app.store.put("k0045")
        app.deliver_events()
        in_sight = [node.node for node in app.view.visible_rows]
        for number in range(20):
            app.store.put(f"a{number:02}")
        app.keys.event_applier.apply(app.store.take_events())
        app.view._update_ages()  # noqa: SLF001 - what its timer does once a second
        app.view.sync()
        await pilot.pause()
        assert [node.node for node in app.view.visible_rows] == in_sight


async def test_key_tree_scrollbar_follows_visible_changes() -> None:
    async with shown(*many(100), size=(40, 10)) as (app, pilot):
        for _ in range(3):
            known_rows = app.view.vertical_scrollbar.window_virtual_size
            while (len(app.keys.rows) - known_rows) * 80 < len(app.keys.rows):  # 10 cells, in eighths
                assert app.view.vertical_scrollbar.window_virtual_size == known_rows
                app.store.put(f"l{len(app.keys.rows)}")
                app.deliver_events()
            await pilot.pause()
            await wait_for_value(lambda: app.view.vertical_scrollbar.window_virtual_size, len(app.keys.rows))
            await wait_for_value(lambda: app.view.max_scroll_y, len(app.keys.rows) - 10)


async def test_empty_store_says_what_to_do() -> None:
    async with shown() as (app, pilot):
        assert app.lines == ["No keys here."]
        await pilot.press("j", "k", "l", "h", "space", "enter", "g", "G", "pagedown", "pageup")
        app.store.put("a")
        app.deliver_events()
        await pilot.pause()
        await app.has("  a" + " " * 36 + "+")


async def test_key_tree_shows_sign_count_and_age_of_changes() -> None:
    async with shown("a", "b", "c/d", "e", size=(60, 12)) as (app, pilot):
        for key in ("a", "n", "c/d", "c/x"):
            app.store.put(key)
        app.store.delete("b")
        app.deliver_events()
        app.now = 2
        app.keys.sweep(app.now)
        app.view.sync()
        await pilot.pause()
        rows = ["a ~ 2s", "b - 2s", "▸ c/ ±2", "e", "n + 2s"]
        await wait_for_value(lambda: [" ".join(line.split()) for line in app.lines], rows)


@pytest.mark.parametrize("width", [20, 40, 120])
async def test_key_tree_names_are_sanitized_and_shortened(width: int) -> None:
    names = [
        "x" * 300 + "END",
        "日本語" * 60,
        "e\u0301" * 100,
        "[/nope][@click=app.quit]z",
        "\x1b]0;evil\x07\u202e",
        "",
    ]
    async with shown(*names, "a/" * 60 + "z", " sp", size=(width, 60)) as (app, pilot):
        for row in range(30):
            app.keys.expand(app.keys.rows.at(min(row, len(app.keys.rows) - 1)))
            await app.keys.idle()
        await app.settle(pilot)
        text = "\n".join(app.lines)
        assert all(cell_len(line) <= width for line in app.lines)
        assert "END" in text
        assert "…" in text
        assert '""' in text
        assert '" sp"' in text
        assert not any(bad in text for bad in "\x1b\x07\u202e")
        assert "nope][@" in text or width < 40


async def test_key_tree_redraws_only_changed_rows() -> None:
    async with shown(*many(100), "z/a") as (app, pilot):
        await pilot.pause()
        before = app.view.drawn_lines
        for _ in range(5):
            app.store.put("z/a")
            app.deliver_events()
            await pilot.pause()
        assert app.view.drawn_lines == before
        app.store.put("k0003")
        app.deliver_events()
        await pilot.pause()
        await wait_for_value(lambda: app.view.drawn_lines, before + 1)


async def test_key_tree_mouse_moves_opens_and_scrolls() -> None:
    async with shown("a/b", *many(50)) as (app, pilot):
        await pilot.click(KeyTree, offset=(10, 3))
        await app.is_on("k0002")
        await pilot.click(KeyTree, offset=(0, 0))
        await app.settle(pilot)
        await wait_for_value(lambda: app.lines[:3], ["▾ a/", "└╴  b", "  k0000"])
        await pilot.click(KeyTree, offset=(10, 3))
        await app.is_on("k0001")
        await pilot.click(KeyTree, offset=(10, 4))
        await app.is_on("k0002")
        app.view.scroll_to(y=20, animate=False)
        await pilot.pause()
        await wait_for_value(lambda: app.lines[0].split()[0], "k0018")
        assert app.on == "k0002"


@pytest.mark.parametrize("column", [0, 5], ids=["sign", "name"])
@pytest.mark.parametrize("times", [2, 3])
async def test_key_tree_second_click_ignores_moved_row(column: int, times: int) -> None:
    """A folder scrolls when it is opened: below the pointer is another key then, which nobody meant."""
    children = [f"z/{number:02}" for number in range(30)]
    async with shown(*many(9), *children) as (app, pilot):
        await pilot.click(KeyTree, offset=(column, 9), times=times)
        await app.settle(pilot)
        await app.is_on("z")
        await app.shows("▾ z/")
        assert not app.chosen


async def test_key_tree_double_click_selects_key() -> None:
    async with shown(*many(9)) as (app, pilot):
        await pilot.click(KeyTree, offset=(5, 3), times=2)
        await wait_for_value(lambda: app.chosen, ["k0003"])
        await pilot.click(KeyTree, offset=(5, 5), button=3)
        await pilot.pause()
        assert app.on == "k0003"


async def test_key_tree_resize_redraws() -> None:
    async with shown(*many(50), size=(40, 10)) as (app, pilot):
        await pilot.press("end")
        await app.is_on("k0049")
        await pilot.resize_terminal(30, 30)
        await pilot.pause()
        await wait_for_value(lambda: (len(app.lines), app.lines[-1].strip()), (30, "k0049"))
        await pilot.resize_terminal(50, 5)
        await pilot.pause()
        await wait_for_value(lambda: len(app.lines), 5)
