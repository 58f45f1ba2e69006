"""What can be done here, with the keys; made from the registry alone."""

from itertools import groupby
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from explorer.session.actions import Place, shown
from explorer.session.session import Session
from explorer.tui.drawing import Piece, told
from explorer.tui.screens.answering import Answering
from explorer.tui.widgets.lines import Lines


class _Sheet(Lines):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "by(1)", show=False),
        Binding("up,k", "by(-1)", show=False),
        Binding("pagedown,space", "pages(1)", show=False),
        Binding("pageup", "pages(-1)", show=False),
    ]

    def __init__(self, rows: list[list[Piece]]) -> None:
        super().__init__()
        self.rows = rows

    def count(self) -> int:
        return len(self.rows)

    def pieces(self, index: int, width: int) -> list[Piece]:
        del width
        return self.rows[index]

    def action_by(self, by: int) -> None:
        self.move(by)

    def action_pages(self, by: int) -> None:
        self.page(by)


class Help(ModalScreen[None], Answering[None]):
    """The actions of a place, grouped; those that are off say why."""

    DEFAULT_CSS = """
    Help { align: center middle; }
    Help > .box { width: 90%; max-width: 110; height: 90%; background: $panel; border: round $primary; padding: 0 1; }
    Help .box--title { text-style: bold; height: 1; }
    Help Lines { background: $panel; height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark,f1,enter", "leave", "Back", show=False)]

    def __init__(self, session: Session, place: Place) -> None:
        super().__init__()
        self._session = session
        self._place = place

    def compose(self) -> ComposeResult:
        """Put the sheet together."""
        with Vertical(classes="box"):
            yield Static(told(f"Keys in the {(self._place.name or '').lower()}; esc goes back"), classes="box--title")
            yield _Sheet(self._rows())

    def on_mount(self) -> None:
        """Let the keys move the sheet."""
        self.set_focus(self.query_one(_Sheet))

    def _rows(self) -> list[list[Piece]]:
        rows: list[list[Piece]] = []
        actions = [action for action in self._session.actions.at(self._place) if action.keys_at(self._place)]
        for group, members in groupby(actions, key=lambda action: action.group):
            rows += [[], [("lines--strong", group)]]
            for action in members:
                keys = " ".join(shown(key) for key in action.keys_at(self._place))
                off = self._session.why_off(action.id)
                row: list[Piece] = [("lines--key", f"  {keys:<12}"), ("lines--dim" if off else "", f" {action.help}")]
                rows.append([*row, ("lines--warning", f"  ({off})")] if off else row)
        return rows[1:]

    def action_leave(self) -> None:
        """Go back."""
        self.dismiss()
