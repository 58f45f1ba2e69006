"""Hostile text is shown and has no effect: in keys, values, names and errors, wherever it is drawn."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from textual.app import App, ComposeResult
from textual.color import Color
from textual.content import Content
from textual.notifications import Notification
from textual.strip import Strip
from textual.style import Style
from textual.visual import Visual
from textual.widget import Widget
from textual.widgets import Static
from textual.widgets._toast import Toast

from explorer.codecs.codecs import Codecs
from explorer.model.entries import Entry
from explorer.model.errors import NotReachable, Unauthenticated
from explorer.model.events import Lost, Put
from explorer.model.line_diff import DiffLine, LinePart, diff
from explorer.model.locks import Contender, LockInfo
from explorer.model.sanitize import sanitize
from explorer.session.change_log import ChangeLog
from explorer.session.event_batch import EventBatch
from explorer.session.keytree.tree import Tree
from explorer.session.lock_table import LoadedLocks
from explorer.session.states import Loading, Option
from explorer.tui.cells import safe_content
from explorer.tui.dialogs.confirm import _OptionList
from explorer.tui.panes.changes import ChangeList
from explorer.tui.panes.locks import LockList
from explorer.tui.panes.pane import error_content
from explorer.tui.terminal.sanitize_filter import SanitizeFilter
from explorer.tui.widgets.diff_view import DiffView
from explorer.tui.widgets.key_tree import KeyTree
from explorer.tui.widgets.pager import Pager
from explorer.tui.widgets.virtual_list import VirtualList
from tests.scale import examples, figure
from tests.session.fake_store import Store
from tests.session.fixtures import Place
from tests.tui.app_harness import WIDE, Page, browsing
from tests.tui.hostile_text import KINDS, STORED, STRANGE, stored, suspects, texts

TYPED = 40
"""Cells of a name up to which it is to be typed; for a longer one it is how much goes."""
BATCH = 20
"""Texts in one example, so that 5000 examples are 100,000 texts."""
EXAMPLES = examples(60, 5000)
MANY = settings(max_examples=EXAMPLES, database=None, suppress_health_check=list(HealthCheck), print_blob=True)
batches = st.lists(texts, min_size=BATCH, max_size=BATCH)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Gallery(App[None]):
    """Everything that draws a text, one below the other, without a session behind it."""

    CSS = "Gallery Widget { height: 6; } Gallery ChangeList { width: 100; }"

    def __init__(self) -> None:
        super().__init__()
        self.store = Store(page=100)
        self.keys = Tree(self.store.load, self.store.load_before, clock=lambda: 0.0, verify_delay=0)
        self.changes = ChangeLog()
        self.options = _OptionList[str]((), is_numbered=False, is_loading=False)

    def compose(self) -> ComposeResult:
        yield KeyTree(self.keys)
        yield Pager()
        yield DiffView(())
        yield LockList()
        yield ChangeList(self.changes)
        yield self.options
        yield Static(markup=False)

    def on_mount(self) -> None:
        self.run_worker(self.keys.run(), exit_on_error=True)


@asynccontextmanager
async def gallery() -> AsyncGenerator[Gallery, None]:
    app = Gallery()
    app.store.put("first")
    app.store.take_events()
    async with app.run_test(size=(60, 50)) as pilot:
        await app.keys.idle()
        await pilot.pause()
        yield app


def harmless(strip: Strip, width: int) -> None:
    """See that a line shows nothing but what it says, in the room that it has, and that a click on it does nothing."""
    assert strip.cell_length == width == sum(cell_len(segment.text) for segment in strip)
    assert suspects(strip.text) == []
    for segment in strip:
        assert segment.control is None
        if segment.style is not None:
            assert not segment.style.link
            assert not segment.style.meta or "@click" not in segment.style.meta


def all_of(lines: VirtualList) -> str:
    """Draw every line of a list, and give the text."""
    width = lines.size.width
    drawn = []
    for index in range(lines.count()):
        lines.set_reactive(Widget.scroll_y, float(index))
        strip = lines.render_line(0)
        harmless(strip, width)
        drawn.append(strip.text)
    lines.set_reactive(Widget.scroll_y, 0.0)
    return "\n".join(drawn)


def contents(widget: Widget, content: Content, width: int = 50) -> None:
    """Draw content as a widget does."""
    for strip in Visual.to_strips(widget, content, width, None, Style()):
        harmless(strip.adjust_cell_length(width), width)


def every_batch(check: Callable[[list[str]], None]) -> None:
    """Let a check see the collection of the worst, and then what is generated."""
    check(list(STRANGE))

    @MANY
    @given(batches)
    def all_batches(found: list[str]) -> None:
        check(found)

    all_batches()


def seen(text: str) -> str:
    """Return a text without what breaks it into rows."""
    return "".join(text.split())


@pytest.mark.heavy
async def test_key_tree_draws_any_name_sanitized() -> None:
    async with gallery() as app:
        view = app.query_one(KeyTree)

        def check(names: list[str]) -> None:
            for name in names:
                app.store.put(name)
            app.keys.event_applier.apply(app.store.take_events())
            for name in names:
                node = app.keys.node(name.partition("/")[0])
                assert node is not None, name
                view.move_cursor(node)
                view._refresh_rows(force=True)  # noqa: SLF001 - no frame is waited for
                for y in range(min(view.size.height, len(view.visible_rows))):
                    harmless(view.render_line(y), view.size.width)

        every_batch(check)


async def test_pager_draws_any_value_sanitized_and_whole() -> None:
    async with gallery() as app:
        pager = app.query_one(Pager)

        def check(values: list[str]) -> None:
            for number, value in enumerate(values):
                language = ("text", "json", "yaml", "textproto", "hex")[number % 5]
                pager.show(value, language, dimmed=number % 7 == 0)
                shown = all_of(pager)
                assert seen(shown) == seen("".join(sanitize(line.expandtabs(4)) for line in value.split("\n")))

        every_batch(check)


@pytest.mark.heavy
async def test_diff_view_draws_any_diff_sanitized_and_whole() -> None:
    async with gallery() as app:
        difference = app.query_one(DiffView)

        def check(values: list[str]) -> None:
            lines = [DiffLine(" ", (LinePart(line),)) for value in values for line in value.split("\n")]
            difference.lines, difference._width = lines, 0  # noqa: SLF001 - as a new one would begin
            assert seen(all_of(difference)) == seen("".join(sanitize(str(line).replace("\t", "")) for line in lines))
            changes = [line for value in values for line in diff(value, f"{value[1:]} \t")]
            difference.lines, difference._width = changes, 0  # noqa: SLF001 - as a new one would begin
            all_of(difference)

        every_batch(check)


async def test_lock_list_draws_any_name_sanitized() -> None:
    async with gallery() as app:
        locks = app.query_one(LockList)

        def check(names: list[str]) -> None:
            parties = [
                Contender(name, key=name, session=name or None, ttl=5.0, since=7, fence=8, other_keys=(name,))
                for name in names
            ]
            found = tuple(
                LockInfo(party.name, party.name, party.name, party, tuple(parties[:2]), stale=party.name or None)
                for party in parties
            )
            locks.show(LoadedLocks(found, 0.0, NOON), 1.0)
            all_of(locks)

        every_batch(check)


async def test_change_list_draws_any_change_sanitized() -> None:
    async with gallery() as app:
        log = app.query_one(ChangeList)

        def check(names: list[str]) -> None:
            events = [Put(Entry(name, name.encode(errors="surrogatepass"), index)) for index, name in enumerate(names)]
            app.changes.add(EventBatch([*events, Lost(names[0])]), NOON)
            log.follow()
            width = log.size.width
            for index in range(min(len(log.change_log), len(names) + 1)):
                log.set_reactive(Widget.scroll_y, float(index))
                harmless(log.render_line(0), width)

        every_batch(check)


async def test_option_list_draws_any_option_sanitized() -> None:
    async with gallery() as app:
        options = app.options

        def check(names: list[str]) -> None:
            options.options = [Option(name, name, name) for name in names]
            options.update_rows()
            all_of(options)

        every_batch(check)


@pytest.mark.heavy
async def test_titles_errors_and_toasts_draw_any_text_sanitized() -> None:
    async with gallery() as app:
        static = app.query_one(Static)

        def check(words: list[str]) -> None:
            for text in words:
                contents(static, safe_content(text))
                contents(static, safe_content(text, "bold $warning"))
                contents(static, error_content(NotReachable(text, hint=text), "r"))
                contents(static, toast(text))

        every_batch(check)


def toast(text: str) -> Content:
    """Return what a notification of the app shows."""
    drawn = Toast(Notification(sanitize(text), markup=False)).render()
    assert isinstance(drawn, Content)
    return drawn


async def test_sanitize_filter_replaces_and_keeps_width() -> None:
    backstop, black = SanitizeFilter(), Color(0, 0, 0)

    @MANY
    @given(batches)
    def check(words: list[str]) -> None:
        for text in words:
            before = [Segment(text), Segment("plain")]
            after = backstop.apply(before, black)
            assert suspects("".join(segment.text for segment in after)) == []
            assert Segment.get_line_length(after) == Segment.get_line_length(before)

    check()


# The whole app, without its last line of defence


class Undefended:
    """The app with the filter of `Backstop` left out: what is drawn is harmless by itself."""

    @pytest.fixture(autouse=True)
    def _without_backstop(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(SanitizeFilter, "install", lambda _: None)


def looked_at(page: Page) -> None:
    assert [suspect for line in page.lines() for suspect in suspects(line)] == []


async def press(page: Page, *keys: str) -> None:
    """Press keys, and look at the screen after each."""
    for key in keys:
        await page.press(key)
        looked_at(page)


SHOWN = figure(STORED[::3], STORED)


async def hostile(place: Place) -> None:
    async with place.other() as store:
        for number, text in enumerate(SHOWN):
            await store.put(f"{number:02}{text}", stored(text))


ONE_OR_ALL = figure(KINDS, {repr(text): text for text in STORED} | KINDS)
EACH = pytest.mark.parametrize("text", ONE_OR_ALL.values(), ids=ONE_OR_ALL.keys())


class TestTheApp(Undefended):
    @pytest.mark.heavy
    async def test_app_shows_hostile_keys_values_and_tabs(self) -> None:
        place = Place()
        await hostile(place)
        async with browsing(place.connect, Codecs(), size=WIDE) as page:
            for _ in SHOWN:
                await page.pilot.press("down")
                await page.until(lambda: not isinstance(page.session.detail.state, Loading), "the value is read")
                looked_at(page)
            await press(page, "2", "]", "]", "1", "y", "escape", "t", "escape")

    async def test_app_shows_hostile_changes_and_filters(self) -> None:
        place = Place()
        await hostile(place)
        async with browsing(place.connect, Codecs(), size=WIDE) as page:
            await hostile(place)
            await page.settle()
            await press(page, "4", "G", "1", "/", "[", "escape")
            for text in figure(tuple(KINDS.values()), STRANGE):
                page.app.notify(text, severity="warning")
                await page.pilot.pause()
                looked_at(page)

    @pytest.mark.heavy
    @EACH
    async def test_app_edits_merges_and_deletes_hostile_key(self, text: str) -> None:
        place, key = Place(), f"k{text}"
        async with place.other() as store:
            await store.put(key, b"one\ntwo\n---\nthree\n")
            async with browsing(place.connect, Codecs(), writable=True) as page:
                await page.session.tree.reveal(key)
                await press(page, "G", "y", "escape", ":", "escape", "n", "escape")
                assert page.session.selected == key
                await press(page, "e", "x")
                await store.put(key, b"one\nTWO\nthree\n" + stored(text))
                await page.shows("Another client has changed this key meanwhile")
                await press(page, "ctrl+s")
                await page.shows("Base:", "Theirs:", "Mine:")
                await press(page, "ctrl+p", "escape", "escape", "escape")
                await page.shows("is not saved")
                await press(page, "down", "down", "enter", "d")
                await page.shows("Delete this key?")
                await press(page, "tab", "enter")
                await page.shows("deleted 1 entry")

    @EACH
    async def test_app_deletes_folder_with_hostile_name(self, text: str) -> None:
        place, name = Place(), f"k{text}".replace("/", "")
        async with place.other() as store:
            await store.put("another", b"")
            await store.put(f"{name}/{text}", b"")
            async with browsing(place.connect, Codecs(), writable=True) as page:
                await press(page, "G", "d")
                await page.shows("Everything below")
                named = sanitize(name)
                await page.type(named if cell_len(named) <= TYPED else "1")
                looked_at(page)
                await page.press("enter")
                await page.shows("deleted 1 entry")
            assert await store.exists("another")


async def test_app_shows_hostile_errors_sanitized(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SanitizeFilter, "install", lambda _: None)
    place = Place()
    place.refusal = Unauthenticated("no")
    async with browsing(place.connect, Codecs(), writable=True) as page:
        for text in figure(tuple(KINDS.values()), STRANGE):
            place.refusal = Unauthenticated(f"no {text}", hint=text)
            await press(page, "r", "ctrl+p")
            await page.shows("Search for commands")
            await press(page, "escape")
        await press(page, "?", "escape", "3", "2", "n", "e")
