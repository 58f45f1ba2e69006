"""Page object of one view of a widget: its header, its rows, keys and clicks."""

from typing import Final

from playwright.async_api import Locator

from tests.notebook.notebook_page import Notebook
from tests.servers.waiting import eventually

PATIENCE: Final = 40.0


class WidgetView:
    """A widget in the output of a cell.

    Args:
        notebook: The notebook.
        cell: Index of the cell.
        root: The widget's element, where it is not in the output of the cell.
    """

    def __init__(self, notebook: Notebook, cell: int = 0, root: Locator | None = None) -> None:
        self.notebook = notebook
        self.page = notebook.page
        self.root = (notebook.output(cell) if root is None else root).locator(".ks-root")

    @property
    def header(self) -> Locator:
        """The line with the liveness."""
        return self.root.locator(".ks-status")

    def pane(self, name: str = "tree") -> Locator:
        """Return the element of a pane."""
        return self.root.locator(f".ks-pane-{name}")

    def rows(self, pane: str = "tree") -> Locator:
        """Return the rows of a pane that are in the page."""
        return self.pane(pane).locator(".ks-row")

    def row(self, name: str, pane: str = "tree") -> Locator:
        """Return the row of a key by the name that is shown; that of a folder ends with the separator."""
        return self.rows(pane).filter(has=self.page.get_by_text(name, exact=True))

    async def names(self) -> list[str]:
        """Return the names of the keys in the page, from the top."""
        return [name for name in await self.pane().locator(".ks-name").all_inner_texts() if name]

    async def wait_row(self, name: str, pane: str = "tree") -> Locator:
        """Wait until a row is in the page, and return it."""
        row = self.row(name, pane)
        await row.first.wait_for()
        return row.first

    async def wait_header(self, text: str, within: float = PATIENCE) -> None:
        """Wait until the header has a text."""
        await self.header.filter(has_text=text).first.wait_for(timeout=within * 1000)

    async def focus(self, pane: str = "tree") -> None:
        """Focus a pane, without a click on a row."""
        await self.pane(pane).locator(".ks-scroller").first.focus()

    async def press(self, *keys: str, pane: str = "tree") -> None:
        """Focus a pane and press keys, by Playwright's names."""
        await self.focus(pane)
        for key in keys:
            await self.page.keyboard.press(key)

    async def wait_cursor(self, name: str) -> None:
        """Wait until the cursor of the tree is on a row."""

        async def is_there() -> bool:
            return name in await self.pane().locator(".ks-row.ks-cursor .ks-name").all_inner_texts()

        await eventually(is_there, f"the cursor is on {name}", PATIENCE)
