"""JupyterLab and Notebook 7 in a browser: opens notebooks, each with a kernel of its own."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Self

from playwright.async_api import Error

from tests.notebook.browser import launch_browser
from tests.notebook.jupyter_server import KERNEL, TOKEN, JupyterServer, Settings
from tests.notebook.notebook_page import App, Notebook, Theme
from tests.notebook.page_pool import PagePool

_METADATA: Final = {"kernelspec": {"name": KERNEL, "display_name": "Python 3", "language": "python"}}


class Frontend:
    """The notebooks that a test has open; all are closed with it, and their kernels end."""

    def __init__(self, pages: PagePool, server: JupyterServer) -> None:
        self.server = server
        self.notebooks: list[Notebook] = []
        self._pages = pages

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for notebook in list(self.notebooks):
            await self.close(notebook)

    async def open(
        self,
        cells: Iterable[str],
        *,
        app: App = App.LAB,
        theme: Theme = Theme.LIGHT,
        width: int = 1280,
        height: int = 900,
        settings: Settings | None = None,
        new_page: bool = False,
    ) -> Notebook:
        """Open a notebook of code cells with a kernel of its own, and wait until the kernel is idle.

        Notebook 7 is loaded in a new browser context. JupyterLab may be a page that is loaded already and in which
        another test has closed its notebooks; not so for a `new_page` or with `settings`, which are by plugin id.
        """
        name = f"{uuid.uuid4().hex[:12]}.ipynb"
        file = self.server.notebooks / name
        file.write_text(json.dumps(document(cells)), encoding="utf-8")
        loaded = None if new_page or settings or app is not App.LAB else self._pages.take()
        async with asyncio.TaskGroup() as group:
            starting = group.create_task(asyncio.to_thread(self.server.start_kernel, name))
            page = loaded or await self._pages.new()
            await page.set_viewport_size({"width": width, "height": height})
            notebook = Notebook(page, app, file, self._url(app, name))
            self.notebooks.append(notebook)
            await starting
        if loaded is None:
            self.server.write_settings(_with_theme(settings or {}, theme))
            await notebook.load()
        else:
            await notebook.open_in_lab(theme)
        notebook.reusable = not settings
        return notebook

    async def close(self, notebook: Notebook, *, keep_page: bool = True) -> None:
        """Close a notebook and end its kernel, which may take a moment more; a page in good order is kept."""
        self.notebooks.remove(notebook)
        notebook.console.detach()
        if keep_page and notebook.app is App.LAB and await notebook.close_in_lab():
            await self._pages.keep(notebook.page)
        else:
            await self._pages.close(notebook.page)
        self.server.end_kernels(notebook.file.name)

    async def save_failure(self, folder: Path) -> list[Path]:
        """Write a screenshot and the console of each open notebook into a folder and return the files."""
        files: list[Path] = []
        for number, notebook in enumerate(self.notebooks):
            console, picture = folder / f"console-{number}.log", folder / f"page-{number}.png"
            console.write_text(notebook.console.text, encoding="utf-8")
            files.append(console)
            try:
                await notebook.page.screenshot(path=picture, animations="disabled", timeout=5000)
            except Error as error:  # the page may be what has failed
                console.write_text(f"{notebook.console.text}no screenshot: {error}\n", encoding="utf-8")
            else:
                files.append(picture)
        return files

    def _url(self, app: App, name: str) -> str:
        place = f"lab/workspaces/{name.removesuffix('.ipynb')}/tree" if app is App.LAB else app.value
        return f"{self.server.url}/{place}/{name}?token={TOKEN}"


@asynccontextmanager
async def launch_frontend() -> AsyncIterator[Frontend]:
    """Start a server and a browser for a script, such as one that takes pictures; both end with the block."""
    async with (
        JupyterServer() as server,
        launch_browser() as browser,
        PagePool(browser) as pages,
        Frontend(pages, server) as frontend,
    ):
        yield frontend


def document(cells: Iterable[str]) -> dict[str, object]:
    """Return a notebook of code cells in the form of nbformat."""
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": _METADATA,
        "cells": [
            {
                "cell_type": "code",
                "id": f"cell-{number}",
                "metadata": {},
                "execution_count": None,
                "outputs": [],
                "source": source,
            }
            for number, source in enumerate(cells)
        ],
    }


def _with_theme(settings: Settings, theme: Theme) -> Mapping[str, Mapping[str, object]]:
    themes = "@jupyterlab/apputils-extension:themes"
    return {**settings, themes: {"theme": theme.value, **settings.get(themes, {})}}
