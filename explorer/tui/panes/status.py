"""The status line: address of the store, liveness, and whether writing is unlocked."""

from typing import Final

from rich.cells import cell_len
from textual.content import Content
from textual.widgets import Static

from explorer.session.session import Session
from explorer.session.states import LivenessStatus, Part
from explorer.session.status_text import status_parts
from explorer.tui.cells import safe_content, shorten_middle

_STYLES: Final[dict[LivenessStatus, str]] = {
    LivenessStatus.LIVE: "$success",
    LivenessStatus.CATCHING_UP: "$primary",
    LivenessStatus.STALE: "bold $warning",
    LivenessStatus.DISCONNECTED: "bold $error",
}
_MIN_ADDRESS_WIDTH: Final = 10
"""Cells of the address that are kept when revision and rate are left out."""
_MIN_REASON_WIDTH: Final = 30
"""Cells of the reason that are kept when revision and rate are left out."""


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

    def _parts(self, width: int) -> list[Content]:
        parts = status_parts(self.session)
        live, style = parts.live, _STYLES[parts.status]
        writing = (
            Content.styled(f" {parts.writing} ", "bold reverse $warning")
            if parts.writable
            else Content.styled(parts.writing, "dim")
        )
        frozen = f"  {parts.frozen}" if parts.is_frozen else ""
        pending = f"  {parts.pending}" if parts.pending else ""
        about = [f"  {figure}" for figure in (parts.revision, parts.rate) if figure]
        reason = f" {parts.reason}" if parts.reason else ""
        room = width - cell_len(live) - len(frozen) - cell_len(pending) - len(writing.plain) - 4
        needed = _MIN_ADDRESS_WIDTH + min(_MIN_REASON_WIDTH, cell_len(reason))
        while about and room - len("".join(about)) < needed:  # address, status and reason come first
            about.pop()
        figures = "".join(about) + frozen
        rest = room - len("".join(about))
        least = min(_MIN_ADDRESS_WIDTH, rest)  # the reason is cut last
        shown = shorten_middle(parts.address, max(0, least, rest - cell_len(reason)))
        reason = shorten_middle(reason, max(0, rest - cell_len(shown)))
        used = cell_len(shown) + cell_len(live) + cell_len(reason) + cell_len(figures) + cell_len(pending)
        fill = max(1, width - used - len(writing.plain) - 2)
        return [
            safe_content(shown, "bold"),
            Content("  "),
            safe_content(live, style),
            safe_content(reason, "$text-muted"),
            safe_content(figures, "$text-muted"),
            Content.styled(pending, "bold $accent"),
            Content(" " * fill),
            writing,
        ]
