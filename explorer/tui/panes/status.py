"""The status line: address of the store, liveness, and whether writing is unlocked."""

from typing import Final

from rich.cells import cell_len
from textual.content import Content
from textual.widgets import Static

from explorer.model.format import format_duration
from explorer.model.sanitize import sanitize
from explorer.session.session import Session
from explorer.session.states import LivenessStatus, Part
from explorer.tui.rendering import safe_content, shorten_middle

_SIGNS: Final[dict[LivenessStatus, tuple[str, str]]] = {
    LivenessStatus.LIVE: ("●", "$success"),
    LivenessStatus.CATCHING_UP: ("◐", "$primary"),
    LivenessStatus.STALE: ("▲", "bold $warning"),
    LivenessStatus.DISCONNECTED: ("✗", "bold $error"),
}
_MIN_ADDRESS_WIDTH: Final = 10
"""Cells of the address that are kept when revision and rate are left out."""
_MIN_REASON_WIDTH: Final = 30
"""Cells of the reason that are kept when revision and rate are left out."""
_MIN_AGE_SHOWN: Final = 3.0
"""Seconds since the last heartbeat from which on its age is shown; there is one every two seconds."""


class StatusLine(Static):
    """Address, liveness with age and reason, revision, rate, and whether writing is unlocked."""

    DEFAULT_CSS = """
    StatusLine { height: 1; background: $boost; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    """
    parts = Part.LIVENESS | Part.EDIT

    def __init__(self, session: Session) -> None:
        super().__init__(id="status", markup=False)
        self.session = session
        self._drawn = ""

    def on_mount(self) -> None:
        """Draw the initial state."""
        self.draw()

    def on_resize(self) -> None:
        """Fill the new width."""
        self._drawn = ""
        self.draw()

    def draw(self) -> None:
        """Draw the current state if it changed."""
        parts = self._parts(max(1, self.size.width - 2))
        text = "".join(part.plain for part in parts)
        if text != self._drawn:
            self._drawn = text
            self.update(Content.assemble(*parts), layout=False)

    def _address(self) -> str:
        """Return the address of the store, behind the profile if it was opened by one."""
        name = self.session.profile
        return f"{name} {self.session.address}" if name else self.session.address

    def _parts(self, width: int) -> list[Content]:
        session = self.session
        now = session.clock.now()
        status = session.liveness.status
        mark, style = _SIGNS[status]
        writing = (
            Content.styled(" WRITING ", "bold reverse $warning")
            if session.writable
            else Content.styled("read-only", "dim")
        )
        age = session.liveness.age(now)
        live = f"{mark} {status.value}"
        if age is not None and (status is not LivenessStatus.LIVE or age >= _MIN_AGE_SHOWN):
            live += f" {format_duration(age)}"
        frozen = "  FROZEN" if session.connection.is_frozen else ""
        about = [] if session.connection.revision is None else [f"  rev {session.connection.revision}"]
        if status in (LivenessStatus.LIVE, LivenessStatus.CATCHING_UP):  # without a connection there is no rate
            about.append(f"  {session.connection.event_rate:.0f}/s")
        wait = session.liveness.retry_in(now)
        reason = "" if status is LivenessStatus.LIVE else f" {sanitize(session.liveness.reason)}"
        if session.liveness.refusal is not None:
            reason += f" ({sanitize(session.liveness.refusal.message)})"
        if wait is not None:
            reason += f" · retry in {int(wait) + 1}s"
        room = width - cell_len(live) - len(frozen) - len(writing.plain) - 4
        needed = _MIN_ADDRESS_WIDTH + min(_MIN_REASON_WIDTH, cell_len(reason))
        while about and room - len("".join(about)) < needed:  # address, status and reason come first
            about.pop()
        figures = "".join(about) + frozen
        rest = room - len("".join(about))
        least = min(_MIN_ADDRESS_WIDTH, rest)  # the reason is cut last
        shown = shorten_middle(sanitize(self._address()), max(0, least, rest - cell_len(reason)))
        reason = shorten_middle(reason, max(0, rest - cell_len(shown)))
        used = cell_len(shown) + cell_len(live) + cell_len(reason) + cell_len(figures)
        fill = max(1, width - used - len(writing.plain) - 2)
        return [
            safe_content(shown, "bold"),
            Content("  "),
            safe_content(live, style),
            safe_content(reason, "$text-muted"),
            safe_content(figures, "$text-muted"),
            Content(" " * fill),
            writing,
        ]
