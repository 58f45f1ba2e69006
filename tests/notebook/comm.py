"""Page's end of the comms that widgets open: what the kernel sent, and messages to it as a page sends them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from tests.servers.waiting import eventually


@dataclass(frozen=True, slots=True)
class CommMessage:
    """One message of a comm from the kernel; `received` is by time.monotonic()."""

    kind: Literal["comm_open", "comm_msg", "comm_close"]
    comm_id: str
    data: dict[str, Any]
    buffers: tuple[bytes, ...]
    received: float

    @property
    def content(self) -> dict[str, Any]:
        """The content of a custom message; empty for every other."""
        content: dict[str, Any] = self.data["content"] if self.data.get("method") == "custom" else {}
        return content

    @property
    def state(self) -> dict[str, Any]:
        """The traits that the message sets; empty if none."""
        state: dict[str, Any] = {} if self.data.get("method") == "custom" else self.data.get("state", {})
        return state


class Channel(Protocol):
    """The function that sends a message to the kernel and returns its id."""

    def __call__(
        self, kind: str, content: dict[str, object], buffers: tuple[bytes, ...] = (), subshell: str | None = None
    ) -> str: ...


@dataclass(slots=True)
class Comm:
    """The page's end of one widget: its messages in the order in which they came, and the traits as they are now."""

    comm_id: str
    target: str
    send_message: Channel
    messages: list[CommMessage] = field(default_factory=list)
    state: dict[str, Any] = field(default_factory=dict)
    closed: bool = False

    def record(self, message: CommMessage) -> None:
        """Take in a message of the kernel."""
        self.messages.append(message)
        self.state |= message.state
        self.closed = self.closed or message.kind == "comm_close"

    @property
    def contents(self) -> list[dict[str, Any]]:
        """The contents of all custom messages so far."""
        return [message.content for message in self.messages if message.content]

    def send(self, content: object, *buffers: bytes, subshell: str | None = None) -> str:
        """Send a custom message, as `model.send` does in the page, and return its id."""
        return self._send({"method": "custom", "content": content}, buffers, subshell)

    def set_state(self, *, subshell: str | None = None, **traits: object) -> str:
        """Set traits, as `model.save_changes` does in the page, and return the message's id."""
        return self._send({"method": "update", "state": traits, "buffer_paths": []}, (), subshell)

    def close(self, *, subshell: str | None = None) -> str:
        """Close the comm from the page."""
        self.closed = True
        return self.send_message("comm_close", {"comm_id": self.comm_id, "data": {}}, (), subshell)

    async def wait(
        self, condition: Callable[[CommMessage], bool], what: str, *, since: int = 0, within: float = 10.0
    ) -> CommMessage:
        """Return the first message from the number `since` on that meets a condition; wait for one if there is none."""
        await eventually(lambda: any(map(condition, self.messages[since:])), what, within)
        return next(message for message in self.messages[since:] if condition(message))

    async def request(
        self,
        content: object,
        *buffers: bytes,
        answers: Callable[[CommMessage], bool],
        subshell: str | None = None,
        within: float = 10.0,
    ) -> CommMessage:
        """Send a custom message and return the first later message that answers it."""
        since = len(self.messages)
        self.send(content, *buffers, subshell=subshell)
        return await self.wait(answers, f"an answer to {content}", since=since, within=within)

    def _send(self, data: dict[str, object], buffers: tuple[bytes, ...], subshell: str | None) -> str:
        return self.send_message("comm_msg", {"comm_id": self.comm_id, "data": data}, buffers, subshell)
