"""Fake page that edits: opens an edit, types, reviews, saves, and answers questions."""

from collections.abc import Callable
from typing import Any

from explorer.drivers.memory import MemoryStore
from tests.widgets.conftest import SharedMemory
from tests.widgets.fake_page import FakePage
from widgets import Explorer


class EditorPage(FakePage):
    """A fake page that edits."""

    @property
    def edit(self) -> Any:
        """The head of the editor."""
        return self.list("edit").head

    @property
    def comparison(self) -> Any:
        """The head of the review or the conflict."""
        return self.list("comparison").head

    def open_panes(self) -> None:
        for pane in ("value", "edit", "comparison"):
            self.open(pane)

    def begin(self, key: str) -> None:
        """Select a key and edit its value."""
        self.open_panes()
        self.send("go", text=key)
        self.wait(lambda: "facts" in self.list("value").head, "the value is shown")
        self.perform("edit", pane="value")
        self.wait(lambda: self.edit["edit"] > 0 and "edit" in self.bodies, "the editor is open")

    def type(self, text: str, *, base: int | None = None) -> str:
        """Replace the text of the editor, and return why it was not taken; "" if it was.

        Args:
            text: The text.
            base: Version that it was typed in; by default the last one.
        """
        base = self.edit["body"] if base is None else base
        number = self.send("text", edit=self.edit["edit"], base=base, buffer=text.encode())
        return str(self.wait_message("reply", id=number)["problem"])

    def review(self, text: str, kind: str = "review") -> None:
        """Save a text, and wait for what is shown before it is written."""
        self.send("save", edit=self.edit["edit"], base=self.edit["body"], review=0, buffer=text.encode())
        self.wait(lambda: self.comparison["kind"] == kind, f"a {kind} is shown")

    def wait_theirs(self) -> None:
        """Wait until the editor says that another client has changed the key."""
        self.wait_line("nother client")

    def wait_line(self, text: str) -> None:
        """Wait until a line about the state of the edit has a text."""
        self.wait(lambda: any(text in line["text"] for line in self.edit.get("lines", ())), f"a line says {text}")

    def wait_closed(self) -> None:
        """Wait until no edit is open."""
        self.wait(lambda: self.edit["edit"] == 0, "the editor is closed")

    def choose(self, title: str) -> None:
        """Wait for a question, and answer it by the option of a title."""
        dialog = self.wait_message("dialog")
        titles = [option["title"] for option in dialog["options"]]
        self.send("answer", dialog=dialog["dialog"], choice=titles.index(title), text="")

    def confirm(self) -> None:
        """Save what is reviewed."""
        self.send("save", edit=self.edit["edit"], base=0, review=self.comparison["body"])


def begin(make: Callable[..., Any], memory: SharedMemory, value: bytes, **options: Any) -> EditorPage:
    memory.put("key", value)
    page = EditorPage(make(Explorer, "memory:", write=True, **options))
    page.begin("key")
    return page


def stored(memory: SharedMemory, key: str = "key") -> bytes:
    async def read(store: MemoryStore) -> bytes | None:
        return (await store.get(key)).value

    value = memory.run(read)
    assert isinstance(value, bytes)
    return value
