"""The value pane: value, metadata and history of the selected key."""

from collections.abc import Iterable
from typing import ClassVar, Final

from rich.cells import cell_len
from textual.binding import BindingType
from textual.content import Content
from textual.widget import Widget

from explorer.model.sanitize import sanitize
from explorer.session.actions import Place
from explorer.session.detail import HISTORY_NOT_LOADED, LoadedValue
from explorer.session.history_text import history_notice, history_text
from explorer.session.states import Part, Ready
from explorer.session.value_text import metadata, more_notes, type_text, value_facts, value_notes, value_text
from explorer.tui.cells import fit_start, safe_content, shorten_middle
from explorer.tui.keys import bindings
from explorer.tui.panes.pane import Pane, StatusLabel
from explorer.tui.widgets.line_breaks import row_starts
from explorer.tui.widgets.pager import Pager

TABS: Final = ("value", "metadata", "history")
_MIN_FACT_ROWS: Final = 5
"""Rows above the value that facts and notes may always take."""
_MAX_NOTE_ROWS: Final = 3
"""Rows of one note that are shown above the value."""


class ValuePane(Pane):
    """The value of the selected key, with the reason for its type."""

    DEFAULT_CSS = """
    ValuePane > .pane--title { link-style: none; link-color: $text-muted; link-style-hover: reverse; }
    ValuePane.-focused > .pane--title { link-style: bold; link-color: $text; }
    ValuePane > .value--facts { height: auto; padding: 0 1; color: $text-muted; }
    ValuePane > Pager { height: 1fr; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.VALUE)
    place = Place.VALUE
    parts = Part.DETAIL | Part.LIVENESS
    number = "2"
    label = "Value"
    is_ticking = True

    tab: str = TABS[0]
    _drawn: tuple[str, str] | None = None
    """The key and the tab that were drawn last."""
    _key: str | None = None
    _history_text: tuple[object, str] = (None, "")
    """The history that was rendered last, and its text."""

    def compose_body(self) -> Iterable[Widget]:
        """Yield the facts and the text."""
        yield StatusLabel(classes="value--facts")
        yield Pager()

    def cycle_tab(self, step: int) -> None:
        """Show the tab that is so many steps further."""
        self.show_tab(TABS[(TABS.index(self.tab) + step) % len(TABS)])

    def show_tab(self, tab: str) -> None:
        """Show one of `TABS`."""
        self.tab = tab
        self.draw()

    def _tab_bar(self) -> Content:
        """Return the names of the tabs; a click on one shows it."""
        names = [
            safe_content(f"[{tab}]" if tab == self.tab else tab).stylize(f"@click=screen.show_tab('{tab}')")
            for tab in TABS
        ]
        return Content("  ").join(names)

    def draw(self) -> None:
        """Show the selected key as it is now."""
        detail = self.session.detail
        if detail.key != self._key:  # another tab would hide the value of the next key
            self._key, self.tab = detail.key, TABS[0]
        if self.tab == "history" and detail.history is HISTORY_NOT_LOADED:
            detail.load_earlier()
        self.set_title(self._tab_bar())
        text = value_text(detail, self.session.tree, self.session.clock.now())
        if text is None:
            return
        if text.loaded is not None:
            self._show(text.loaded, text.warning)
        elif text.error is not None:
            self.show_error(text.error)
        else:
            self.set_notice(safe_content(text.notice, "dim" if text.is_loading else "", multiline=True))

    def _show(self, reading: LoadedValue, warning: str) -> None:
        self.set_notice(None)
        width = max(8, self.size.width - 2)
        self.query_one(".value--facts", StatusLabel).set_content(self._facts(reading, warning, width))
        pager = self.query_one(Pager)
        keep = self._drawn == (reading.entry.key, self.tab)
        self._drawn = (reading.entry.key, self.tab)
        dimmed = bool(warning)
        match self.tab:
            case "value":
                document = reading.document
                pager.show(document.content, document.language, dimmed=dimmed, keep=keep)
            case "metadata":
                pager.show("\n".join(metadata(reading, self.session.clock.now())), "yaml", dimmed=dimmed, keep=keep)
            case _:
                pager.show(self._history(reading), "diff", dimmed=dimmed, keep=keep)

    def _facts(self, reading: LoadedValue, warning: str, width: int) -> Content:
        lines = [safe_content(shorten_middle(sanitize(reading.entry.key), width), "bold $text")]
        if warning:
            lines.append(safe_content(f"! {warning}", "$warning"))
        facts = value_facts(reading, self.session.clock.now())
        lines.append(safe_content(shorten_middle(" · ".join(facts), width)))
        lines += [safe_content(row) for row in _wrapped(type_text(reading), width)]
        return Content("\n").join(lines + self._note_lines(reading, len(lines), width))

    def _note_lines(self, reading: LoadedValue, used_rows: int, width: int) -> list[Content]:
        """Return the notes that fit above the value, and how many more there are."""
        notes = value_notes(reading)
        room = max(_MIN_FACT_ROWS, self.size.height // 3) - used_rows
        lines: list[Content] = []
        for number, note in enumerate(notes):
            rows = _wrapped(f"▪ {note}", width)
            if len(rows) > room or (len(rows) == room and number + 1 < len(notes)):
                lines.append(safe_content(f"▪ {more_notes(len(notes) - number)}", "$text-warning"))
                break
            lines += [safe_content(row, "$text-warning") for row in rows]
            room -= len(rows)
        return lines

    def _history(self, reading: LoadedValue) -> str:
        history = self.session.detail.history
        if not isinstance(history, Ready):
            return history_notice(history) or ""
        shown = history.value, reading.entry
        if self._history_text[0] != shown:
            more_key = self.session.actions["reload"].key_hint(self.place)
            self._history_text = shown, history_text(reading.entry, history.value, more_key)
        return self._history_text[1]

    def do_reload(self) -> None:
        """Read more of the history; in the other tabs, read everything again."""
        if self.tab == "history":
            self.session.detail.load_earlier()
        else:
            self.session.start("reload", is_enabled=True)


def _wrapped(text: str, width: int) -> list[str]:
    """Wrap a text at words, with a hanging indent for notes; cut off rows beyond `_MAX_NOTE_ROWS`."""
    harmless = sanitize(text)
    indent = 2 if text.startswith("▪ ") else 0
    starts = row_starts(harmless, width - indent)[:_MAX_NOTE_ROWS]
    ends = [*starts[1:], len(harmless)]
    rows = [harmless[start:stop].rstrip() for start, stop in zip(starts, ends, strict=True)]
    rows[-1] = fit_start(rows[-1], width - indent - 1) + "…" if cell_len(rows[-1]) > width - indent else rows[-1]
    return [rows[0], *(" " * indent + row for row in rows[1:])]
