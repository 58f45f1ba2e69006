"""The value of the selected key, its metadata and its history."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from explorer.codecs.text.content import Content, PlainText
from explorer.model.sanitize import sanitize
from explorer.session.actions import Place
from explorer.session.detail import HISTORY_NOT_LOADED, LoadedValue
from explorer.session.history_text import history_notice, history_text
from explorer.session.session import Session
from explorer.session.states import Loading, Part, Ready
from explorer.session.value_text import (
    LOADING_NOTICE_DELAY,
    VALUE_SIGNS,
    ValueText,
    metadata,
    more_notes,
    type_text,
    value_facts,
    value_notes,
    value_text,
)
from widgets.panes.base import Body, Head, Json, Pane, PaneRow, error_text

TABS: Final = ("value", "metadata", "history")
_MAX_NOTES: Final = 3
"""Lines of notes above the value; the metadata has all."""
_MAX_PLAIN_PART: Final = 1 << 20
_MAX_RENDERED_PART: Final = 1 << 18
"""Units of a text that are sent at once: characters, and for what is longer than its units those or bytes."""
_LARGE_TEXT: Final = 1 << 16
"""Characters from which on a text is large: a new one is sent at most every `_LARGE_TEXT_INTERVAL` seconds."""
_LARGE_TEXT_INTERVAL: Final = 0.5
_NO_CONTENT: Final = PlainText("")


@dataclass(frozen=True, slots=True)
class _Shown:
    """Content of the pane until it is replaced by another."""

    tab: str
    key: str = ""
    notice: str = ""
    problem: bool = False
    content: Content = _NO_CONTENT
    language: str = "text"
    loaded: LoadedValue | None = None
    warning: str = ""
    version: int = 0
    """Version of the content."""
    moments: Mapping[str, float] = field(default_factory=dict)


class ValuePane(Pane):
    """The value of the selected key."""

    name = "value"
    label = "Value"
    place = Place.VALUE
    parts = Part.DETAIL | Part.LIVENESS | Part.EDIT
    signs = VALUE_SIGNS

    def __init__(self, session: Session, request_frame: Callable[[Part], None]) -> None:
        """Show the session's detail.

        Args:
            session: The session.
            request_frame: Called with parts that have to be read again although nothing changed: time has passed.
        """
        super().__init__(session)
        self._request_frame = request_frame
        self._timer: asyncio.TimerHandle | None = None
        self._key: str | None = None
        """Key that was selected when this was last looked at."""
        self._tab = TABS[0]
        self._shown = _Shown(TABS[0])
        self._sent_at = 0.0
        """Moment of the last large text, on the session's clock."""
        self._history: tuple[object, str] = (None, "")
        """The history that was rendered last, and its text."""

    def count(self) -> int:
        """Return 0: the value is a text, not rows."""
        return 0

    def rows(self, start: int, count: int) -> Sequence[PaneRow]:
        """Return nothing."""
        del start, count
        return ()

    # What is shown

    def head(self) -> Head:
        """Return key, facts, type, notes and warning."""
        shown, loaded = self._shown, self._shown.loaded
        edit = self.session.current_edit
        fields: dict[str, Json] = {
            "tab": shown.tab,
            "tabs": list(TABS),
            "key": sanitize(shown.key),
            "body": shown.version,
            "language": shown.language,
            "warning": shown.warning,
            "size": shown.content.size,
            "edited": sanitize(edit.key) if edit is not None and edit.is_open else "",
        }
        if loaded is not None:
            fields |= {
                "facts": value_facts(loaded, None),
                "kind": type_text(loaded),
                "notes": _shown_notes(value_notes(loaded)),
            }
        return Head("", shown.notice, shown.problem, fields, shown.moments)

    @property
    def text_version(self) -> int:
        """Version of the text."""
        return self._shown.version

    def part(self, version: int, start: int) -> Body | None:
        """Return the text from a unit on; None if another text is shown by now."""
        shown = self._shown
        content = shown.content
        if version != shown.version or not 0 <= start <= content.size:
            return None
        size = _MAX_PLAIN_PART if isinstance(content, PlainText) else _MAX_RENDERED_PART
        stop = content.size if start + size >= content.size else content.boundary(start + size)
        text = sanitize(content.part(start, stop), multiline=True)
        return Body(version, text, start, stop if stop < content.size else None)

    def on_change(self) -> None:
        """Take over the detail, as it is now."""
        session, detail = self.session, self.session.detail
        now = session.clock.now()
        if detail.key != self._key:  # another tab would hide the value of the next key
            self._key, self._tab = detail.key, TABS[0]
        if self._tab == "history" and detail.history is HISTORY_NOT_LOADED:
            detail.load_earlier()
        text = value_text(detail, session.tree, now)
        if text is None:  # the previous value stays
            state = detail.state
            self._look_again(LOADING_NOTICE_DELAY - (now - state.since) if isinstance(state, Loading) else 0.0)
            return
        shown = self._of(detail.key or "", text)
        is_large = shown.content is not self._shown.content and shown.content.size > _LARGE_TEXT
        if is_large and shown.key == self._shown.key and now - self._sent_at < _LARGE_TEXT_INTERVAL:
            self._look_again(_LARGE_TEXT_INTERVAL - (now - self._sent_at))
            return
        self._sent_at = now if is_large else self._sent_at
        self._shown = shown

    def _look_again(self, delay: float) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, delay), self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._request_frame(Part.DETAIL)

    def close(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()

    def _of(self, key: str, text: ValueText) -> _Shown:
        """Return what is shown of a value, an error or a notice, with a new version if the text is another."""
        if text.error is not None:
            return self._with_version(_Shown(self._tab, key, error_text(text.error), problem=True))
        if text.loaded is None:
            return self._with_version(_Shown(self._tab, key, text.notice))
        loaded, entry = text.loaded, text.loaded.entry
        content, language = self._content(loaded)
        moments = {} if entry.ttl is None else {"expires": loaded.read_at + entry.ttl}
        return self._with_version(
            _Shown(
                self._tab,
                key,
                content=content,
                language=language,
                loaded=loaded,
                warning=text.warning,
                moments=moments,
            )
        )

    def _with_version(self, shown: _Shown) -> _Shown:
        before = self._shown
        is_same = (shown.key, shown.tab) == (before.key, before.tab) and shown.content == before.content
        return replace(shown, version=before.version + (not is_same))

    def _content(self, loaded: LoadedValue) -> tuple[Content, str]:
        match self._tab:
            case "value":
                return loaded.document.content, loaded.document.language
            case "metadata":
                return PlainText("\n".join(metadata(loaded, None))), "yaml"
            case _:
                return PlainText(self._history_text(loaded)), "diff"

    def _history_text(self, loaded: LoadedValue) -> str:
        history = self.session.detail.history
        if not isinstance(history, Ready):
            return history_notice(history) or ""
        shown = history.value, loaded.entry
        if self._history[0] != shown:
            more_key = self.session.actions["reload"].key_hint(self.place)
            self._history = shown, history_text(loaded.entry, history.value, more_key)
        return self._history[1]

    # Actions

    def show_tab(self, tab: str) -> None:
        """Show one of `TABS`."""
        if tab in TABS:
            self._tab = tab
            self.on_change()

    def perform(self, action: str, times: int, height: int) -> bool:
        """Perform an action of the registry; return False if it is none of the pane's."""
        del height
        at = TABS.index(self._tab)
        match action:
            case "previous-tab":
                self.show_tab(TABS[(at - times) % len(TABS)])
            case "next-tab":
                self.show_tab(TABS[(at + times) % len(TABS)])
            case "reload" if self._tab == "history":
                self.session.detail.load_earlier()
            case _:
                return False
        return True


def _shown_notes(notes: Sequence[str]) -> list[str]:
    """Return the notes that are shown above the value, and how many more there are."""
    if len(notes) <= _MAX_NOTES:
        return list(notes)
    return [*notes[: _MAX_NOTES - 1], more_notes(len(notes) - _MAX_NOTES + 1)]
