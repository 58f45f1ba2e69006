"""Values in a page: shown, edited, reviewed, saved and merged by keys; hostile ones make no element."""

from typing import Final

from playwright.async_api import Locator

from explorer import open as open_store
from explorer.drivers.base import Store
from tests.notebook.frontend import Frontend
from tests.notebook.notebook_page import App
from tests.notebook.test_tree_page import explorer
from tests.notebook.widget_view import WidgetView
from tests.servers.waiting import eventually

MAX_NODES: Final = 2000
"""Maximum number of nodes in the widget."""
TYPED_AT_ONCE: Final = """([one, other]) => {
  one.setRangeText("1", 0, 0, "end");
  other.setRangeText("2", other.value.length, other.value.length, "end");
  for (const area of [one, other]) area.dispatchEvent(new Event("input"));
}"""
MARKUP: Final = "<img src=x onerror='window.hacked=1'><script>window.hacked=1</script>\u202e\x1b[31m"


async def test_value_is_edited_and_merged(frontend: Frontend, place: str) -> None:
    """Another client reads what was typed, reviewed and saved; its later change is merged."""
    async with open_store(place) as store:
        await store.put("key", b"one\ntwo\nthree\nfour\n")
        notebook = await frontend.open([explorer(place, ", write=True")])
        await notebook.run(0)
        view = WidgetView(notebook)
        await shows_value(view, "one")
        await view.press("e")
        editor = view.root.locator(".ks-edit-text")
        await editor.wait_for()
        await typed_at_the_start(editor, "zero")
        await save(view)
        await view.root.locator(".ks-notice-line", has_text="saved key").wait_for()
        await shows_value(view, "zero")
        assert (await store.get("key")).value == b"zero\none\ntwo\nthree\nfour\n"

        await view.press("e")
        await editor.wait_for()
        await store.put("key", b"zero\none\ntwo\nthree\nFOUR\n")
        await view.root.locator(".ks-edit-lines", has_text="Another client has changed this key").wait_for()
        await typed_at_the_start(editor, "new")
        await view.page.keyboard.press("Control+s")
        await view.root.locator(".ks-version-names", has_text="Theirs").wait_for()
        await view.page.keyboard.press("b")
        await editor.wait_for()
        await save(view)
        await eventually(lambda: is_stored(store, b"new\nzero\none\ntwo\nthree\nFOUR\n"), "the merged value is saved")
        await shows_value(view, "new")
        assert notebook.console.errors == []


async def test_open_edit_is_in_every_view(frontend: Frontend, place: str) -> None:
    """In Notebook 7: text typed before an editor is there is in it, in all views, and in no saved notebook."""
    async with open_store(place) as store:
        await store.put("key", b"text")
        notebook = await frontend.open([explorer(place, ", write=True"), "explorer"], app=App.NOTEBOOK)
        await notebook.run(0)
        view = WidgetView(notebook)
        await shows_value(view, "text")
        await view.press("e", *"typed", "Enter", "Tab", *"quickly ")
        editor = view.root.locator(".ks-edit-text")
        await eventually(lambda: has_text(editor, "typed\n    quickly text"), "the editor has what was typed")
        await notebook.run(1)
        other = WidgetView(notebook, cell=1).root.locator(".ks-edit-text")
        await eventually(lambda: has_text(other, "typed\n    quickly text"), "the other view has the text")
        await notebook.page.evaluate(TYPED_AT_ONCE, [await editor.element_handle(), await other.element_handle()])
        for one in (editor, other):
            await eventually(lambda one=one: has_text(one, "1typed\n    quickly text2"), "both have both changes")  # type: ignore[misc] # mypy infers no type for it
        await notebook.save()
        assert "typed" not in notebook.saved_text()
        await editor.focus()
        await save(view)
        await eventually(lambda: is_stored(store, b"1typed\n    quickly text2"), "the text is saved")
        await view.root.locator(".ks-notice-line", has_text="saved key").wait_for()  # the editor is closed
        await shows_value(view, "quickly")
        await view.press("n", *"new", "Enter", *"value")
        await eventually(lambda: has_text(editor, "value"), "name and value went where they belong")
        assert await view.root.locator(".ks-edit-heading", has_text="new").count() == 1
        assert notebook.console.errors == []


async def test_hostile_value_makes_no_element(frontend: Frontend, place: str) -> None:
    async with open_store(place) as store:
        await store.put("key", (MARKUP * 10_000).encode())
        notebook = await frontend.open([explorer(place, ", write=True")])
        await notebook.run(0)
        view = WidgetView(notebook)
        await view.wait_row("key")
        await view.pane("value").locator(".ks-text-row", has_text="onerror").first.wait_for()
        await view.root.get_by_role("document", name="Value").focus()
        await view.page.keyboard.press("End")
        await view.pane("value").locator(".ks-text-row", has_text="x1b").first.wait_for()
        assert await view.root.locator("img, script").count() == 0
        assert await view.root.evaluate("root => root.querySelectorAll('*').length") < MAX_NODES
        assert "\u202e" not in await view.root.inner_text()
        assert await view.page.evaluate("window.hacked") is None
        assert notebook.console.errors == []


async def typed_at_the_start(editor: Locator, line: str) -> None:
    await editor.press("Control+Home")
    await editor.press_sequentially(f"{line}\n")


async def save(view: WidgetView) -> None:
    """Review the change, and save it."""
    await view.page.keyboard.press("Control+s")
    await view.root.locator(".ks-comparison .ks-edit-heading", has_text="Save").wait_for()
    await view.page.keyboard.press("Control+s")


async def shows_value(view: WidgetView, text: str) -> None:
    """Wait until the value of the selected key is shown: before, it cannot be edited."""
    await view.pane("value").locator(".ks-text-row", has_text=text).first.wait_for()


async def is_stored(store: Store, value: bytes) -> bool:
    return (await store.get("key")).value == value


async def has_text(editor: Locator, text: str) -> bool:
    return await editor.count() == 1 and await editor.input_value() == text
