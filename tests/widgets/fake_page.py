"""Fake page: speaks the messages of a view without a browser, and keeps rows as `static/virtual_list.js` does."""

import threading
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

from tests.servers.waiting import wait_until
from widgets.base import SessionWidget
from widgets.messages import PROTOCOL

WINDOW = 40
"""Rows that a page asks for by default."""


class FakeList:
    """Rows of a pane in a page."""

    def __init__(self) -> None:
        self.generation = 0
        self.seq = 0
        self.start = 0
        self.total = 0
        self.cursor = -1
        self.reveals = 0
        self.rows: list[Mapping[str, Any]] = []
        self.head: Mapping[str, Any] = {}
        self.gaps = 0
        """Number of patches whose sequence number did not follow."""
        self.patches = 0

    def take(self, message: Mapping[str, Any]) -> None:
        """Take an answer or a patch; one of an earlier generation is dropped."""
        if message["generation"] != self.generation:
            return
        if message["type"] == "rows":
            self.rows = list(message["rows"])
        else:
            self.patches += 1
            self.gaps += message["seq"] != self.seq + 1
            del self.rows[message["length"] :]
            for at, row in message["changes"]:
                self.rows[at : at + 1] = [row]
        self.seq, self.start, self.total = message["seq"], message["start"], message["total"]
        self.cursor, self.reveals, self.head = message["cursor"], message["reveals"], message["head"]

    def named(self, name: str) -> Mapping[str, Any] | None:
        """Return the row of a name."""
        return next((row for row in self.rows if row.get("name") == name), None)


class FakePage:
    """A view of a widget. The kernel's messages arrive on the portal's thread."""

    def __init__(self, widget: SessionWidget, view: str = "view-1", *, hello: bool = True) -> None:
        self.widget = widget
        self.view = view
        self.messages: list[Mapping[str, Any]] = []
        self.bodies: dict[str, str] = {}
        self._lists: dict[str, FakeList] = {}
        self._ids = count(1)
        self._lock = threading.Lock()
        others = widget.send if isinstance(getattr(widget.send, "page", None), FakePage) else None

        def send(content: Mapping[str, Any], buffers: Sequence[bytes] | None = None) -> None:
            self._receive(content, buffers or ())
            if others is not None:
                others(content, buffers)

        send.page = self  # type: ignore[attr-defined] # several pages of one widget are a chain
        widget.send = send
        if hello:
            self.send("hello", protocol=PROTOCOL)

    def _receive(self, content: Mapping[str, Any], buffers: Sequence[bytes]) -> None:
        if content.get("view", self.view) != self.view:
            return
        with self._lock:
            self.messages.append(content)
            if content["type"] in ("rows", "patch"):
                self.list(content["pane"]).take(content)
            elif content["type"] == "body":
                self.bodies[content["pane"]] = bytes(buffers[0]).decode()

    def list(self, pane: str) -> FakeList:
        """Return the rows of a pane."""
        return self._lists.setdefault(pane, FakeList())

    def send(self, kind: str, *, buffer: bytes | None = None, **fields: object) -> int:
        """Send a message as a page does, and return its id."""
        number = next(self._ids)
        content = {"type": kind, "id": number, "view": self.view, **fields}
        self.widget._handle_custom_msg(content, [] if buffer is None else [memoryview(buffer)])  # noqa: SLF001 - as ipywidgets calls it
        return number

    def open(self, pane: str, start: int = 0, rows: int = WINDOW, height: int = 20) -> FakeList:
        """Ask for rows of a pane, and wait for them."""
        found = self.list(pane)
        with self._lock:
            found.generation += 1
            wanted = found.generation
        self.send("window", pane=pane, generation=wanted, start=start, count=rows, height=height, step=0)
        self.wait(lambda: self._answered(pane, wanted), f"rows of {pane}")
        return found

    def _answered(self, pane: str, generation: int) -> bool:
        return any(
            one["type"] == "rows" and one["pane"] == pane and one["generation"] == generation for one in self.messages
        )

    def perform(self, action: str, pane: str = "tree", times: int = 1, buffer: bytes | None = None) -> None:
        """Perform an action of the registry."""
        self.send("perform", action=action, pane=pane, times=times, buffer=buffer)

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until a condition holds, looked at between two messages."""

        def holds() -> bool:
            with self._lock:
                return condition()

        wait_until(holds, what)

    def wait_row(self, name: str, pane: str = "tree", **fields: object) -> Mapping[str, Any]:
        """Wait until a pane has a row of a name with some fields, and return it."""
        found: list[Mapping[str, Any]] = []

        def has_row() -> bool:
            row = self.list(pane).named(name)
            if row is None or any(row.get(field) != value for field, value in fields.items()):
                return False
            found.append(row)
            return True

        self.wait(has_row, f"a row {name} with {fields}")
        return found[-1]

    def wait_message(self, kind: str, **fields: object) -> Mapping[str, Any]:
        """Wait until a message with some fields has come, and return the last one."""

        def found() -> list[Mapping[str, Any]]:
            return [
                one
                for one in self.messages
                if one["type"] == kind and all(one.get(name) == value for name, value in fields.items())
            ]

        self.wait(lambda: bool(found()), f"a message {kind} with {fields}")
        return found()[-1]
