"""JupyterLab and Notebook 7 in a browser: opens notebooks, each in a browser context and a kernel of its own."""

import asyncio
import json
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, Self

from playwright.async_api import Browser, Error

from tests.notebook.jupyter_server import KERNEL, TOKEN, JupyterServer, Settings
from tests.notebook.notebook_page import PATIENCE, App, Notebook, Theme

_METADATA: Final = {"kernelspec": {"name": KERNEL, "display_name": "Python 3", "language": "python"}}


class Frontend:
    """The notebooks that are open; all are closed with it, and their kernels end."""

    def __init__(self, browser: Browser, server: JupyterServer) -> None:
        self.server = server
        self.notebooks: list[Notebook] = []
        self._browser = browser

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
        settings: Settings = MappingProxyType({}),
    ) -> Notebook:
        """Open a notebook of code cells in a new browser context and workspace, and wait until its kernel is idle.

        `settings` are JupyterLab's, by plugin id. Whatever an earlier notebook has changed there is set back.
        """
        name = f"{uuid.uuid4().hex[:12]}.ipynb"
        file = self.server.notebooks / name
        file.write_text(json.dumps(document(cells)), encoding="utf-8")
        self.server.write_settings(_with_theme(settings, theme))
        async with asyncio.TaskGroup() as group:
            kernel = group.create_task(asyncio.to_thread(self.server.start_kernel, name))
            viewport = {"width": width, "height": height}
            context = await self._browser.new_context(viewport=viewport)  # type: ignore[arg-type]
            context.set_default_timeout(PATIENCE * 1000)
            notebook = Notebook(await context.new_page(), app, file)
            self.notebooks.append(notebook)
            await kernel
        await notebook.page.goto(self._url(app, name), wait_until="commit")
        await notebook.wait_until_ready()
        return notebook

    async def close(self, notebook: Notebook) -> None:
        """Close a notebook's page and end its kernel, which may take a moment more."""
        self.notebooks.remove(notebook)
        self.server.end_kernels(notebook.file.name)
        await notebook.page.context.close()

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
