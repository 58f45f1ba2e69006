"""Looking at a change before it is stored, and at two changes that met."""

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from explorer.model.line_diff import DiffLine, Part
from explorer.model.text import inert
from explorer.session.actions import Place
from explorer.session.editing.edits import Conflicted, Reviewing
from explorer.session.editing.machine import Edit
from explorer.session.session import Session
from explorer.tui.drawing import named, told
from explorer.tui.keys import bindings
from explorer.tui.panes.footer import Footer
from explorer.tui.panes.status import StatusLine
from explorer.tui.screens.answering import Answering
from explorer.tui.screens.live import LiveScreen
from explorer.tui.widgets.difference import Difference
from explorer.tui.widgets.pager import Pager

_SAME_TEXT: Final = DiffLine(" ", (Part(" (the text is the same; the bytes are not)"),))
_MANY: Final = 1000
"""Lines beyond which a comparison is not thorough."""


class Review(ModalScreen[bool], Answering[bool]):
    """Shows what saving would change; ctrl+s once more saves it."""

    DEFAULT_CSS = """
    Review { align: center middle; }
    Review > .box {
        width: 96%; max-width: 130; height: auto; max-height: 96%; background: $panel; border: round $primary;
        padding: 0 1;
    }
    Review .box--title { text-style: bold; height: 1; }
    Review .box--notes { height: auto; max-height: 4; color: $text-warning; }
    Review Difference { height: auto; max-height: 100%; }
    Review .box--buttons { height: 1; align-horizontal: right; }
    Review Button { margin-left: 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "answer(False)", show=False),
        Binding("ctrl+s", "answer(True)", show=False),
        Binding("down,j", "by(1)", show=False),
        Binding("up,k", "by(-1)", show=False),
    ]

    def __init__(self, key: str, state: Reviewing) -> None:
        super().__init__()
        self._key, self._state = key, state

    def compose(self) -> ComposeResult:
        """Put the diff together."""
        with Vertical(classes="box"):
            yield Static(told(f"Save {named(self._key)}?"), classes="box--title", markup=False)
            if self._state.notes:
                notes = Content("\n").join(told(f"▪ {note}") for note in self._state.notes)
                yield Static(notes, classes="box--notes", markup=False)
            yield Difference(self._state.diff or (_SAME_TEXT,))
            with Horizontal(classes="box--buttons"):
                yield Button("Back (esc)", compact=True, id="no", variant="primary")
                yield Button("Save (ctrl+s)", compact=True, id="yes", variant="success")

    def on_mount(self) -> None:
        """Give the focus to what does no harm, and the diff as much room as it needs."""
        self.set_focus(self.query_one("#no"))
        self.on_resize()

    def on_resize(self) -> None:
        """Fit the diff."""
        difference = self.query_one(Difference)
        difference.styles.height = max(1, min(difference.count(), self.size.height - 8))

    @on(Button.Pressed)
    def pressed(self, event: Button.Pressed) -> None:
        """Take the answer."""
        self.dismiss(event.button.id == "yes")

    def action_answer(self, answer: bool) -> None:  # noqa: FBT001 - an action's argument has no name
        """Give the answer."""
        self.dismiss(answer)

    def action_by(self, by: int) -> None:
        """Move in the diff."""
        self.query_one(Difference).move(by)


class Meeting(Answering[bool], LiveScreen[bool]):
    """Somebody else was first: the value both began with, theirs, and mine, side by side.

    Its answer is whether theirs was taken, and the edit given up.
    """

    place = Place.CONFLICT
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.CONFLICT)
    DEFAULT_CSS = """
    Meeting .meeting--title { height: auto; padding: 0 1; background: $warning 20%; text-style: bold; }
    Meeting .meeting--merge { height: auto; max-height: 8; padding: 0 1; }
    Meeting .meeting--column { width: 1fr; border-right: vkey $panel; }
    Meeting .meeting--name { height: 1; background: $panel; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    Meeting Pager { height: 1fr; padding: 0 1; }
    """

    def __init__(self, session: Session, edit: Edit, state: Conflicted) -> None:
        super().__init__(session)
        self._edit, self._state = edit, state

    def compose(self) -> ComposeResult:
        """Put the three side by side."""
        state = self._state
        yield StatusLine(self.session)
        met = f"{named(self._edit.key)} was changed by somebody else; nothing was written."
        yield Static(told(met), classes="meeting--title")
        yield Static(self._merge(), classes="meeting--merge", markup=False)
        theirs = "deleted" if state.theirs is None else f"rev {state.theirs.revision}"
        began = "did not exist" if state.base is None else f"rev {state.base.revision}"
        with Horizontal():
            for name, id_ in ((f"Base: {began}", "base"), (f"Theirs: {theirs}", "theirs"), ("Mine: not saved", "mine")):
                with Vertical(classes="meeting--column"):
                    yield Static(told(name), classes="meeting--name", markup=False)
                    yield Pager(id=id_)
        yield Footer(self.session)

    def on_mount(self) -> None:
        """Fill the columns."""
        state, document = self._state, self._edit.document
        base = "" if state.base is None else document.text
        theirs = _theirs(state)
        self.query_one("#base", Pager).show(base, document.language, marked=())
        self.query_one("#theirs", Pager).show(theirs, document.language, marked=differing(base, theirs))
        self.query_one("#mine", Pager).show(state.mine, document.language, marked=differing(base, state.mine))
        self.set_focus(self.query_one("#theirs"))
        self.query_one(Footer).show(Place.CONFLICT)

    def _merge(self) -> Content:
        merge = self._state.merge
        if merge is None:
            return told(f"The two cannot be put together: {self._state.reason}.")
        if not merge.conflicts:
            return told("Both changes fit together: b goes on with both.")
        lines = ["Both changed the same, where b takes mine:", *(f"  ▪ {inert(one)}" for one in merge.conflicts[:6])]
        if len(merge.conflicts) > 6:  # noqa: PLR2004 - as many as are shown
            lines.append(f"  ▪ and {len(merge.conflicts) - 6} more")
        return told("\n".join(lines), multiline=True)

    def do_use_merged(self) -> None:
        """Go on editing both changes put together."""
        self.session.start("use-merged")
        self.dismiss(result=False)

    def do_take_theirs(self) -> None:
        """Give the edit up."""
        self.dismiss(result=True)

    def do_keep_mine(self) -> None:
        """Store mine over theirs, as it was seen here."""
        self.session.start("keep-mine")
        self.dismiss(result=False)

    def do_back(self) -> None:
        """Go back to the text; saving it again asks again."""
        self.dismiss(result=False)


def _theirs(state: Conflicted) -> str:
    if state.merge is not None:
        return state.merge.document.text
    value = b"" if state.theirs is None else state.theirs.value or b""
    return value.decode(errors="backslashreplace")


def differing(base: str, text: str) -> frozenset[int]:
    """Give the lines of a text, counted from 0, that are not as they were.

    Among very many lines those that stand there again and again are not told apart, because that would take minutes.
    """
    before, after = base.split("\n"), text.split("\n")
    same = _common(before, after)
    before, after = before[same:], after[same:]
    ends = _common(before[::-1], after[::-1])
    before, after = before[: len(before) - ends], after[: len(after) - ends]
    matcher = SequenceMatcher(None, before, after, autojunk=len(after) > _MANY)
    changes = (opcode for opcode in matcher.get_opcodes() if opcode[0] != "equal")
    return frozenset(same + line for _, _, _, start, end in changes for line in range(start, max(end, start + 1)))


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """Give how many lines are the same from the beginning."""
    differs = (at for at, (left, right) in enumerate(zip(one, other, strict=False)) if left != right)
    return next(differs, min(len(one), len(other)))
