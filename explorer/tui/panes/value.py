"""The selected key: its value as text, its metadata, and its history."""

from collections.abc import Iterable
from typing import ClassVar, Final

from rich.cells import cell_len
from textual.binding import BindingType
from textual.content import Content
from textual.widget import Widget

from explorer.model.sanitize import pluralize, sanitize
from explorer.session.actions import Place
from explorer.session.detail import HISTORY_NOT_LOADED, LoadedValue
from explorer.session.states import Empty, Failed, Loading, Part, Ready
from explorer.tui.keys import bindings
from explorer.tui.panes.history_text import history_text
from explorer.tui.panes.pane import Pane, failure
from explorer.tui.rendering import format_bytes, format_duration, head_of, middle, safe_content
from explorer.tui.widgets.line_breaks import row_starts
from explorer.tui.widgets.pager import Pager
from explorer.tui.widgets.status_label import StatusLabel

TABS: Final = ("value", "metadata", "history")
_LEAST_FACTS: Final = 5
"""Rows above the value that there are at least, if there is that much to say."""
_NOTE_ROWS: Final = 3
"""Rows of one note that are shown above the value."""
PATIENCE: Final = 0.4
"""Seconds for which a value remains, under its own key, until the next one is there; most are there sooner."""


class ValuePane(Pane):
    """The selected key's value, with why it is read the way it is."""

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
    name_shown = "Value"
    ticking = True

    tab: str = TABS[0]
    _shown: tuple[str, str] | None = None
    """The key and the tab that were drawn last."""
    _key: str | None = None
    _history_shown: tuple[object, str] = (None, "")
    """The history that was written last, and its text."""

    def body(self) -> Iterable[Widget]:
        """Give facts and text."""
        yield StatusLabel(classes="value--facts")
        yield Pager()

    def turn(self, by: int) -> None:
        """Show another tab."""
        self.show_tab(TABS[(TABS.index(self.tab) + by) % len(TABS)])

    def show_tab(self, tab: str) -> None:
        """Show a tab by its name."""
        self.tab = tab
        self.draw()

    def _tabs(self) -> Content:
        """Return the names of the tabs; a click on one shows it."""
        names = [
            safe_content(f"[{tab}]" if tab == self.tab else tab).stylize(f"@click=screen.show_tab('{tab}')")
            for tab in TABS
        ]
        return Content("  ").join(names)

    def draw(self) -> None:
        """Show the selected key as it is now."""
        detail = self.session.detail
        if detail.key != self._key:  # the other tabs are of one key, and would hide the value of the next
            self._key, self.tab = detail.key, TABS[0]
        if self.tab == "history" and detail.history is HISTORY_NOT_LOADED:
            detail.load_earlier()
        self.title(self._tabs())
        match detail.state:
            case Loading(since=since) if self.session.clock.now() - since < PATIENCE:
                pass
            case Loading():
                self.notice(safe_content("reading …", "dim"))
            case Empty(reason=reason):
                node = None if detail.key is None else self.session.tree.node(detail.key)
                folder = node is not None and node.has_children
                words = "a folder; it has no value of its own" if folder else reason
                self.notice(safe_content(f"{sanitize(detail.key or '')}\n\n{words}".strip(), multiline=True))
            case Failed(error=error, stale=None):
                self.notice(failure(error))
            case Failed(error=error, stale=LoadedValue() as reading):
                self._show(reading, f"as of {reading.time.astimezone():%H:%M:%S}: {error.message}")
            case Ready(value=reading):
                self._show(reading, "deleted since; this was its last value" if reading.deleted else "")

    def _show(self, reading: LoadedValue, warning: str) -> None:
        self.notice(None)
        width = max(8, self.size.width - 2)
        self.query_one(".value--facts", StatusLabel).say(self._facts(reading, warning, width))
        pager = self.query_one(Pager)
        keep = self._shown == (reading.entry.key, self.tab)
        self._shown = (reading.entry.key, self.tab)
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
        entry, document = reading.entry, reading.document
        lines = [safe_content(middle(sanitize(entry.key), width), "bold $text")]
        if warning:
            lines.append(safe_content(f"! {warning}", "$warning"))
        facts = [f"rev {entry.revision}"]
        if entry.version is not None:
            facts.append(f"v{entry.version}")
        facts.append(format_bytes(len(entry.value or b"")))
        left = reading.ttl_left(self.session.clock.now())
        if left is not None:
            facts.append(f"{format_duration(left)} left" if left > 0 else "ends now unless renewed")
        elif entry.lease:
            facts.append(f"lease {entry.lease}")
        lines.append(safe_content(middle(" · ".join(facts), width)))
        lines += [safe_content(row) for row in _wrapped(f"{document.title}: {document.reason}", width)]
        notes = ([f"cannot be edited: {document.read_only_reason}"] if document.read_only_reason else []) + list(
            document.notes
        )
        room = max(_LEAST_FACTS, self.size.height // 3) - len(lines)
        for number, note in enumerate(notes):
            rows = _wrapped(f"▪ {note}", width)
            if len(rows) > room or (len(rows) == room and number + 1 < len(notes)):
                lines.append(
                    safe_content(f"▪ {pluralize(len(notes) - number, 'more note')} under metadata", "$text-warning")
                )
                break
            lines += [safe_content(row, "$text-warning") for row in rows]
            room -= len(rows)
        return Content("\n").join(lines)

    def _history(self, reading: LoadedValue) -> str:
        match self.session.detail.history:
            case Loading():
                return "reading the history …"
            case Empty(reason=reason):
                return reason
            case Failed(error=error):
                return f"{error.message}\n{error.hint or ''}"
            case Ready(value=earlier):
                written = (earlier, reading.entry)
                if self._history_shown[0] != written:
                    self._history_shown = written, history_text(reading.entry, earlier)
                return self._history_shown[1]

    def selected(self) -> str | None:
        """Give the key that is shown."""
        return self.session.detail.key


def _wrapped(text: str, width: int) -> list[str]:
    """Break a text into rows behind words, which go on below its beginning; what would take too many rows is cut."""
    harmless = sanitize(text)
    indent = 2 if text.startswith("▪ ") else 0
    starts = row_starts(harmless, width - indent)[:_NOTE_ROWS]
    ends = [*starts[1:], len(harmless)]
    rows = [harmless[start:stop].rstrip() for start, stop in zip(starts, ends, strict=True)]
    rows[-1] = head_of(rows[-1], width - indent - 1) + "…" if cell_len(rows[-1]) > width - indent else rows[-1]
    return [rows[0], *(" " * indent + row for row in rows[1:])]


def metadata(reading: LoadedValue, now: float) -> list[str]:
    """Give everything that is known of an entry beside its value, a line each."""
    entry, document = reading.entry, reading.document
    left = reading.ttl_left(now)
    rows: list[tuple[str, object]] = [
        ("key", sanitize(entry.key)),
        ("revision", entry.revision),
        ("created", entry.created),
        ("version", entry.version),
        ("size", pluralize(len(entry.value or b""), "byte")),
        ("lease", entry.lease),
        ("time left", None if left is None else format_duration(left)),
        *((name, value) for name, value in entry.meta.items()),
        ("read as", document.title),
        ("reason", document.reason),
        ("read at", f"{reading.time.astimezone():%Y-%m-%d %H:%M:%S}"),
        ("editing", document.read_only_reason or "possible"),
    ]
    lines = [f"{sanitize(str(name))}: {sanitize(str(value))}" for name, value in rows if value is not None]
    return lines + [f"note: {sanitize(note)}" for note in document.notes]
