"""The first line: which store, how sure it is that this is how it looks, and whether anything can be written."""

from typing import Final

from rich.cells import cell_len
from textual.content import Content
from textual.widgets import Static

from explorer.model.sanitize import sanitize
from explorer.session.session import Session
from explorer.session.states import LivenessStatus, Part
from explorer.tui.rendering import format_duration, middle, safe_content

_STANDINGS: Final[dict[LivenessStatus, tuple[str, str]]] = {
    LivenessStatus.LIVE: ("●", "$success"),
    LivenessStatus.CATCHING_UP: ("◐", "$primary"),
    LivenessStatus.STALE: ("▲", "bold $warning"),
    LivenessStatus.DISCONNECTED: ("✗", "bold $error"),
}
_ADDRESS: Final = 10
"""Cells of the address that are left before figures are."""
_CAUSE: Final = 30
"""Cells of the reason that are left before figures are."""
_AGED: Final = 3.0
"""Seconds from which on the age of a proof is told; there is one every two."""


class StatusLine(Static):
    """Address, liveness with age and reason, revision, rate, and whether writing is unlocked."""

    DEFAULT_CSS = """
    StatusLine { height: 1; background: $boost; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    """
    parts = Part.LIVENESS | Part.EDIT

    def __init__(self, session: Session) -> None:
        super().__init__(id="status", markup=False)
        self.session = session
        self._last = ""

    def on_mount(self) -> None:
        """Show what there is at the start."""
        self.draw()

    def on_resize(self) -> None:
        """Use the new width."""
        self._last = ""
        self.draw()

    def draw(self) -> None:
        """Say how it stands now, if that is not what is shown already."""
        parts = self._parts(max(1, self.size.width - 2))
        text = "".join(part.plain for part in parts)
        if text != self._last:
            self._last = text
            self.update(Content.assemble(*parts), layout=False)

    def _address(self) -> str:
        """Return what the store is called: its profile before its address, as far as there is room."""
        name = self.session.profile
        return f"{name} {self.session.address}" if name else self.session.address

    def _parts(self, width: int) -> list[Content]:
        session = self.session
        now = session.clock.now()
        standing = session.liveness.status
        mark, style = _STANDINGS[standing]
        writing = (
            Content.styled(" WRITING ", "bold reverse $warning")
            if session.writable
            else Content.styled("read-only", "dim")
        )
        age = session.liveness.age(now)
        live = f"{mark} {standing.value}"
        if age is not None and (standing is not LivenessStatus.LIVE or age >= _AGED):
            live += f" {format_duration(age)}"
        frozen = "  FROZEN" if session.connection.is_frozen else ""
        about = [] if session.connection.revision is None else [f"  rev {session.connection.revision}"]
        if standing in (LivenessStatus.LIVE, LivenessStatus.CATCHING_UP):  # else nothing is heard, which is no rate
            about.append(f"  {session.connection.event_rate:.0f}/s")
        wait = session.liveness.retry_in(now)
        reason = "" if standing is LivenessStatus.LIVE else f" {sanitize(session.liveness.reason)}"
        if session.liveness.refusal is not None:
            reason += f" ({sanitize(session.liveness.refusal.message)})"
        if wait is not None:
            reason += f" · again in {int(wait) + 1}s"
        room = width - cell_len(live) - len(frozen) - len(writing.plain) - 4
        needed = _ADDRESS + min(_CAUSE, cell_len(reason))
        while about and room - len("".join(about)) < needed:  # what can be written to, whether, and why not go before
            about.pop()
        figures = "".join(about) + frozen
        rest = room - len("".join(about))
        least = min(_ADDRESS, rest)  # the reason is what must not be cut
        shown = middle(sanitize(self._address()), max(0, least, rest - cell_len(reason)))
        reason = middle(reason, max(0, rest - cell_len(shown)))
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
