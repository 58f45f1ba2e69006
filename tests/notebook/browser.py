"""The Chromium or Chrome of this machine, driven by Playwright."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from playwright.async_api import Browser, async_playwright

from tests.servers.require import require_browser

_FLAGS: Final = (
    "--no-sandbox",  # which root cannot use, and containers often do not allow
    "--disable-dev-shm-usage",  # small in containers
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--force-color-profile=srgb",
)


@asynccontextmanager
async def launch_browser() -> AsyncIterator[Browser]:
    """Launch the browser, headless; it is closed with the block."""
    executable = require_browser()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=_FLAGS)
        try:
            yield browser
        finally:
            await browser.close()
