"""The journal: this person's changes, and what each did to the value."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.widget import Widget

from explorer.session.actions import Place
from explorer.session.results.journal_list import JournalItem
from explorer.session.results.journal_text import (
    NOT_OF_THIS_STORE,
    journal_line,
    journal_progress,
    journal_row,
    journal_title,
    record_facts,
)
from explorer.session.session import Session
from explorer.session.states import Tone
from explorer.tui.cells import Piece, safe_content, shorten_middle
from explorer.tui.flows.result_questions import ask_journal_filter, ask_journal_value
from explorer.tui.keys import bindings
from explorer.tui.panes.pane import StatusLabel
from explorer.tui.screens.result_screen import ItemRows, ResultScreen
from explorer.tui.type_ahead import release_keys
from explorer.tui.widgets.diff_view import DiffView

_STYLES = {Tone.PLAIN: "virtual-list--key", Tone.GOOD: "virtual-list--good", Tone.BAD: "virtual-list--bad"}
_MIN_KEY_WIDTH = 12


class JournalRows(ItemRows[JournalItem]):
    """Changes, the newest first."""

    with_store = False

    def item_pieces(self, item: JournalItem, width: int) -> list[Piece]:
        """Return a row: sign, time, key, and what else there is room for."""
        row = journal_row(item.record, with_store=self.with_store)
        store = f"  {row.store}" if row.store else ""
        details = "".join(f"  {text}" for text in row.details)
        room = width - len(row.sign) - len(row.time) - 2
        key = shorten_middle(row.key, max(_MIN_KEY_WIDTH, room - min(room // 2, len(store) + len(details))))
        return [
            (_STYLES[row.tone], row.sign),
            ("virtual-list--dim", f" {row.time} "),
            ("", key),
            ("virtual-list--key", store),
            ("virtual-list--dim", details),
        ]


class JournalScreen(ResultScreen[JournalItem]):
    """This person's changes with the diff of the current one; returns the key to go to."""

    DEFAULT_CSS = """
    JournalScreen .journal--facts { height: auto; max-height: 4; padding: 0 1; background: $panel; }
    JournalScreen DiffView { height: 1fr; padding: 0 1; }
    """
    place = Place.JOURNAL
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.JOURNAL)
    _drawn: JournalItem | None = None

    def __init__(self, session: Session) -> None:
        super().__init__(session, session.results.journal_list)
        self.journal_list = session.results.journal_list
        self.restored: bytes | None = None
        """Value that the key is to be edited with."""

    def make_rows(self) -> JournalRows:
        """Return the list."""
        return JournalRows(self.journal_list)

    def compose_details(self) -> Iterator[Widget]:
        """Yield facts and diff of the current change."""
        yield StatusLabel(classes="journal--facts")
        yield DiffView(())

    def title_text(self) -> str:
        """Return which changes are listed."""
        return journal_title(self.journal_list.filter)

    def progress(self) -> Iterator[tuple[str, Tone]]:
        """Yield how many changes there are, and whether the journal is damaged."""
        yield from journal_progress(self.journal_list)

    def key_of(self, item: JournalItem) -> str | None:
        """Return the key of a change in this store."""
        if self.journal_list.is_of_this_store(item.record):
            return item.record.key
        self.notify(NOT_OF_THIS_STORE, severity="warning")
        return None

    def file_lines(self) -> Sequence[str]:
        """Return the changes without their values."""
        return [journal_line(item.record) for item in self.journal_list.items]

    def draw(self) -> None:
        """Show the changes as they are now."""
        self.query_one(JournalRows).with_store = self.journal_list.filter.is_everywhere
        super().draw()
        self.on_current()

    def on_current(self) -> None:
        """Show what the current change did."""
        item = self.journal_list.current
        if item != self._drawn:
            self._drawn = item
            self.run_worker(self._show_details(item), group="details", exclusive=True)

    async def _show_details(self, item: JournalItem | None) -> None:
        facts = [] if item is None else [safe_content(text) for text in record_facts(item.record)]
        self.query_one(".journal--facts", StatusLabel).set_content(Content("\n").join(facts))
        self.query_one(DiffView).show(() if item is None else await self.journal_list.diff(item))

    # Actions

    async def do_filter_list(self) -> None:
        """Ask whose changes to list."""
        await ask_journal_filter(self, self.session)

    def do_all_stores(self) -> None:
        """List the changes in all stores, or only those in this one."""
        self.journal_list.switch_stores()

    async def do_bring_back(self) -> None:
        """Ask for the value to bring back, and close the screen; the editor opens with it."""
        item = self.journal_list.current
        if item is not None and (key := self.key_of(item)) is not None:
            self.restored = await ask_journal_value(self, self.session)
            if self.restored is not None:
                self.dismiss(key)
        release_keys()
