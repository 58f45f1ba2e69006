"""Record of what a page wrote to its console and of the errors that nothing caught."""

from collections import deque
from typing import Final

from playwright.async_api import ConsoleMessage, Error, Page, Request, Response

_MAX_LINES: Final = 1000


class Console:
    """The last lines of a page's console; `errors` are exceptions that nothing in the page caught."""

    def __init__(self, page: Page) -> None:
        self.lines: deque[str] = deque(maxlen=_MAX_LINES)
        self.errors: list[str] = []
        self._page = page
        page.on("console", self._on_message)
        page.on("pageerror", self._on_error)
        page.on("crash", self._on_crash)
        page.on("requestfailed", self._on_request_failed)
        page.on("response", self._on_response)

    def detach(self) -> None:
        """Record nothing any more."""
        self._page.remove_listener("console", self._on_message)
        self._page.remove_listener("pageerror", self._on_error)
        self._page.remove_listener("crash", self._on_crash)
        self._page.remove_listener("requestfailed", self._on_request_failed)
        self._page.remove_listener("response", self._on_response)

    @property
    def text(self) -> str:
        """All lines that are left."""
        return "".join(f"{line}\n" for line in self.lines)

    def _on_message(self, message: ConsoleMessage) -> None:
        self.lines.append(f"{message.type}: {message.text}")

    def _on_error(self, error: Error) -> None:
        self.errors.append(f"{error}")
        self.lines.append(f"uncaught: {error.stack or error}")

    def _on_crash(self, _: Page) -> None:
        self.errors.append("the page crashed")
        self.lines.append("the page crashed")

    def _on_request_failed(self, request: Request) -> None:
        self.lines.append(f"request failed: {request.method} {request.url}: {request.failure}")

    def _on_response(self, response: Response) -> None:
        if response.status >= 400:
            self.lines.append(f"response {response.status}: {response.request.method} {response.url}")
