"""The keys that a tutorial asks to press, pressed in its own cells in JupyterLab."""

from explorer import open as open_store
from tests.notebook.frontend import Frontend
from tests.notebook.notebook_page import Notebook
from tests.notebook.test_notebooks import FOLDER, document, source
from tests.notebook.widget_view import WidgetView


async def open_tutorial(frontend: Frontend, name: str, place: str) -> Notebook:
    """Open the code cells of a tutorial, with the URL of a server, in the folder of its files."""
    cells = [source(cell) for cell in document(name)["cells"] if cell["cell_type"] == "code"]
    notebook = await frontend.open(cells)
    await notebook.kernel_value(f"__import__('os').chdir({str(FOLDER)!r})")
    await notebook.kernel_value(f"__import__('os').environ.update(KEYSCOPE_ETCD={place!r})")
    return notebook


async def test_keys_of_safe_edits(frontend: Frontend, place: str) -> None:
    """An order is edited, reviewed and saved; the cell that is run meanwhile leads to a merge."""
    notebook = await open_tutorial(frontend, "02", place)
    for cell in range(3):
        await notebook.run(cell)
    view, keyboard = WidgetView(notebook, 2), notebook.page.keyboard
    await (await view.wait_row("orders/")).click()
    await keyboard.press("ArrowRight")
    await view.wait_row("17")
    await keyboard.press("ArrowDown")
    await view.wait_cursor("17")
    await edit_customer(view, "Lovelace")
    await keyboard.press("Control+s")
    await view.root.locator(".ks-comparison .ks-edit-heading", has_text="Save").wait_for()
    await keyboard.press("Control+s")
    await view.root.locator(".ks-notice-line", has_text="saved").wait_for()
    await view.focus()
    await edit_customer(view, "Countess")
    await notebook.run(5)
    await view.root.locator(".ks-edit-lines", has_text="Another client has changed this key").wait_for()
    await view.root.locator(".ks-edit-text").focus()
    await keyboard.press("Control+s")
    await view.root.locator(".ks-version-names", has_text="Theirs").wait_for()
    await keyboard.press("b")
    await view.root.locator(".ks-edit-text").wait_for()
    async with open_store(f"{place}keyscope-tutorial/") as store:
        assert b"Ada" in ((await store.get("orders/17")).value or b"")
    await notebook.run(6)
    assert notebook.console.errors == []


async def edit_customer(view: WidgetView, name: str) -> None:
    """Press `e`, and type another customer in the first line."""
    keyboard = view.page.keyboard
    await keyboard.press("e")
    await view.root.locator(".ks-edit-text").wait_for()
    for key in ("Control+Home", "Shift+End"):
        await keyboard.press(key)
    await keyboard.type(f'customer: "{name}"')
