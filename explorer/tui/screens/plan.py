"""A plan: its changes with the diff of the current one, before, while and after it is applied."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from explorer.plans.plan_file import write_plan
from explorer.session.actions import Place
from explorer.session.results.plan_rows import PlanRow
from explorer.session.results.plan_text import plan_progress, row_details, row_sign
from explorer.session.session import Session
from explorer.session.states import Tone
from explorer.tui.cells import Piece, short_key, shorten_middle
from explorer.tui.flows import plan_application
from explorer.tui.keys import bindings
from explorer.tui.screens.result_screen import ItemRows, ResultScreen
from explorer.tui.widgets.diff_view import DiffView

_STYLES = {
    Tone.GOOD: "virtual-list--good",
    Tone.WARNING: "virtual-list--marked",
    Tone.BAD: "virtual-list--bad",
    Tone.QUIET: "virtual-list--dim",
}
_MIN_KEY_WIDTH = 16


class PlanRows(ItemRows[PlanRow]):
    """The keys of a plan."""

    def item_pieces(self, item: PlanRow, width: int) -> list[Piece]:
        """Return a row: sign, key, and why it is left as it is."""
        sign, tone = row_sign(item)
        details = row_details(item)
        room = width - len(sign) - 1
        key = shorten_middle(short_key(item.key), max(_MIN_KEY_WIDTH, room - len(details) - 2))
        return [(_STYLES[tone], f"{sign} "), ("", key), ("virtual-list--dim", f"  {details}" if details else "")]


class PlanScreen(ResultScreen[PlanRow]):
    """A plan; returns the key to go to."""

    DEFAULT_CSS = """
    PlanScreen ItemRows { min-height: 3; }
    PlanScreen DiffView { height: 1fr; padding: 0 1; border-top: solid $primary; }
    PlanScreen DiffView.-empty { display: none; }
    """
    place = Place.PLAN
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.PLAN)
    FILE_QUESTION: ClassVar[str] = "Write the plan to which file?"
    FILE_HELP: ClassVar[str] = "a new file, which keyscope apply reads; enter writes it, esc goes back"
    file_name = "plan.json"
    _drawn: PlanRow | None = None

    def __init__(self, session: Session) -> None:
        super().__init__(session, session.results.plan_review)
        self.review = session.results.plan_review

    def make_rows(self) -> PlanRows:
        """Return the list."""
        return PlanRows(self.review)

    def compose_details(self) -> Iterator[Widget]:
        """Yield the diff of the current change."""
        yield DiffView(()).add_class("-empty")

    def title_text(self) -> str:
        """Return what the plan does."""
        title = self.review.title if self.review.plan is None else self.review.plan.title
        return f"Plan: {title}"

    def progress(self) -> Iterator[tuple[str, Tone]]:
        """Yield what it does, what is wrong with it, and how far it is."""
        keys = (self.session.actions[name].key_hint(self.place) for name in ("apply", "take-back", "overwrite"))
        apply_key, undo_key, overwrite_key = keys
        yield from plan_progress(self.review, self.session.clock.now(), (apply_key, undo_key, overwrite_key))

    def key_of(self, item: PlanRow) -> str | None:
        """Return the key of a change in the session's store."""
        if item.store:
            self.notify("this key is in another store", severity="warning")
            return None
        return item.key

    def file_lines(self) -> Sequence[str]:
        """Return the plan as `keyscope apply` reads it."""
        return [] if self.review.plan is None else write_plan(self.review.plan).splitlines()

    def draw(self) -> None:
        """Show the plan as it is now."""
        super().draw()
        self.on_current()

    def on_current(self) -> None:
        """Show what the current change does to its value."""
        row = self.review.current
        if row != self._drawn:
            self._drawn = row
            self.run_worker(self._show_diff(row), group="diff", exclusive=True)

    async def _show_diff(self, row: PlanRow | None) -> None:
        lines = () if row is None else await self.review.diff(row)
        for view in self.query(DiffView):
            view.set_class(not lines, "-empty")
            view.show(lines)

    # Actions

    async def do_apply(self) -> None:
        """Ask whether to apply the plan, and apply it."""
        await plan_application.apply(self, self.session)

    def do_take_back(self) -> None:
        """Show the plan that takes back what was done."""
        plan_application.take_back(self, self.session)

    def do_overwrite(self) -> None:
        """Plan to replace values that differ, or to leave them."""
        plan_application.toggle_overwrite(self, self.session)
