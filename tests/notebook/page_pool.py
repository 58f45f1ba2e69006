"""Pages of the browser: JupyterLab, once loaded, serves one notebook after the other."""

from typing import Self

from playwright.async_api import Browser, Page

from tests.notebook.notebook_page import PATIENCE


class PagePool:
    """New pages, each in a browser context of its own, and the one page of JupyterLab that is loaded and free.

    Loading JupyterLab takes three seconds of processor time, opening a notebook in it a third of one.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._free: Page | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._free is not None:
            await self.close(self._free)

    async def new(self) -> Page:
        """Return a new page in a new context."""
        context = await self._browser.new_context()
        context.set_default_timeout(PATIENCE * 1000)
        return await context.new_page()

    def take(self) -> Page | None:
        """Return the page of JupyterLab that is free, if there is one."""
        page, self._free = self._free, None
        return page

    async def keep(self, page: Page) -> None:
        """Keep a page of JupyterLab without notebooks for the next who takes it."""
        if self._free is not None:
            await self.close(self._free)
        self._free = page

    async def close(self, page: Page) -> None:
        """Close a page and its context."""
        await page.context.close()
