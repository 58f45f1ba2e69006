"""Nothing that a store does ends the app: every action, in every place, on a store that fails at each call.

The store is a fake: no real one can be made to fail at each call in each way, and none raises what no driver expects.
"""

import itertools
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import NoReturn

import pytest
from textual.app import ComposeResult, SuspendNotSupported
from textual.content import Content
from textual.css.query import NoMatches
from textual.widgets import Input, Static

from explorer.codecs.codecs import Codecs
from explorer.drivers.memory import MemoryStore
from explorer.model import errors as errors_module
from explorer.model.entries import NO_META, Child, Cursor, Entry, Meta, Page, Revision
from explorer.model.errors import ExplorerError
from explorer.model.locks import LockInfo
from explorer.session.actions import Action, Place
from explorer.session.commands import ACTIONS
from explorer.session.internal_errors import InternalErrors
from explorer.session.states import Part
from explorer.tui.dialogs.confirm import ConfirmDialog
from explorer.tui.flows import goto
from explorer.tui.panes.tree import TreePane
from explorer.tui.screens.browse import BrowseScreen
from explorer.tui.screens.conflict import ConflictScreen
from explorer.tui.screens.edit import EditScreen
from explorer.tui.screens.help import HelpScreen
from explorer.tui.screens.review import ReviewScreen
from explorer.tui.widgets.key_tree import KeyTree
from tests.scale import figure
from tests.session.fixtures import CuttableStore
from tests.session.fixtures import Place as Ground
from tests.tui.app_harness import Page as AppPage
from tests.tui.app_harness import browsing

CANARY = "the-secret-of-this-test"


class InjectedError(RuntimeError):
    """An error that no driver should raise; its message holds what must not be written anywhere."""


class FailingPlace(Ground):
    """Memory stores that fail at each call while there is a failure."""

    def __init__(self) -> None:
        super().__init__()
        self.failure: Callable[[], Exception] | None = None

    def connect(self) -> MemoryStore:
        store = FailingStore(self)
        self.stores.append(store)
        return store

    def fail(self) -> None:
        if self.failure is not None:
            raise self.failure()


class FailingStore(CuttableStore):
    """A store whose calls fail."""

    place: FailingPlace

    async def get(self, key: str, *, consistent: bool = True) -> Entry:
        self.place.fail()
        return await super().get(key, consistent=consistent)

    async def children(self, prefix: str, *, after: Cursor | str | None = None, limit: int = 1000) -> Page[Child]:
        self.place.fail()
        return await super().children(prefix, after=after, limit=limit)

    async def list(
        self, prefix: str, *, after: Cursor | str | None = None, limit: int = 1000, values: bool = True
    ) -> Page[Entry]:
        self.place.fail()
        return await super().list(prefix, after=after, limit=limit, values=values)

    async def atomic_put(
        self,
        key: str,
        value: bytes,
        previous: Entry | Revision | None,
        *,
        ttl: float | None = None,
        meta: Meta = NO_META,
    ) -> Entry:
        self.place.fail()
        return await super().atomic_put(key, value, previous, ttl=ttl, meta=meta)

    async def atomic_delete(self, key: str, previous: Entry | Revision | None) -> None:
        self.place.fail()
        await super().atomic_delete(key, previous)

    async def delete_tree(self, prefix: str, *, guard: Revision | None = None) -> int:
        self.place.fail()
        return await super().delete_tree(prefix, guard=guard)

    async def history(self, key: str) -> AsyncGenerator[Entry, None]:
        self.place.fail()
        async for entry in super().history(key):
            yield entry

    async def locks(self, prefix: str = "") -> tuple[LockInfo, ...]:
        self.place.fail()
        return await super().locks(prefix)

    async def ping(self) -> Revision | None:
        self.place.fail()
        return await super().ping()


@pytest.fixture
async def place() -> FailingPlace:
    place = FailingPlace()
    async with place.other() as store:
        await store.put("app", b"threads")
        await store.put("far/away/key", b"value")
        for number in range(3):
            await store.put(f"old/{number}", b"x")
    return place


ERRORS = [
    found for found in vars(errors_module).values() if isinstance(found, type) and issubclass(found, ExplorerError)
]
Step = tuple[Place, Action]
STEPS: list[Step] = [
    (where, action)
    for where in Place
    for action in ACTIONS.at(where)
    if action.id not in {"quit", "edit-outside"}  # the one ends the app, the other needs a terminal
]


async def reach(page: AppPage, place: FailingPlace, where: Place, key: str) -> None:
    """Bring the app to a place, with a key selected."""
    browse = page.app.screen
    assert isinstance(browse, BrowseScreen)
    if page.session.tree.node(key) is None:  # the store said for a moment that nothing was there
        await page.session.connection.reload()
    await page.until(lambda: page.session.tree.node(key) is not None, "the key is in the tree")
    node = page.session.tree.node(key)
    assert node is not None
    browse.focus_pane("tree")
    browse.query_one(TreePane).select(node)
    await page.pilot.pause()
    await page.until(lambda: page.session.detail.loaded is not None or key != "app", "the value is read")
    browse.focus_pane({Place.VALUE: "value", Place.LOCKS: "locks", Place.CHANGES: "changes"}.get(where, "tree"))
    if where in Place.EDITOR | Place.REVIEW | Place.CONFLICT:
        await page.pilot.press("e", "x")
        await page.until(lambda: isinstance(page.app.screen, EditScreen), "the editor is open")
    if where is Place.REVIEW:
        await page.pilot.press("ctrl+s")
        await page.until(lambda: isinstance(page.app.screen, ReviewScreen), "the review is open")
    if where is Place.CONFLICT:
        async with place.other() as store:
            await store.put("app", b"theirs")
        await page.pilot.press("ctrl+s")
        await page.until(lambda: isinstance(page.app.screen, ReviewScreen | ConflictScreen), "the save goes on")
        if isinstance(page.app.screen, ReviewScreen):  # the change was not known yet
            await page.pilot.press("ctrl+s")
        await page.until(lambda: isinstance(page.app.screen, ConflictScreen), "the conflict is shown")


async def return_to_browsing(page: AppPage) -> None:
    """Leave whatever is open, and set back what was switched."""
    session = page.session
    while not isinstance(page.app.screen, BrowseScreen):
        left = page.app.screen
        left.dismiss(None)
        await page.until(lambda left=left: page.app.screen is not left, "the screen is left")  # type: ignore[misc]  # mypy cannot follow what is handed on
    await session.editor.leave()
    await session.editor.find_drafts()  # of a save whose outcome is unknown one stays
    for draft in session.editor.drafts:
        await session.editor.discard(draft)
    session.tree.filter.set(None)
    if not session.writable:
        await session.toggle_writable()
    if session.connection.is_frozen:
        await session.connection.toggle_freeze()


async def walk(page: AppPage, place: FailingPlace, make: Callable[[], Exception], steps: list[Step]) -> None:
    """Do each action while each call to the store fails, and answer whatever is asked."""
    for where, action in steps:
        for key in ("app", "old") if action.id == "delete" else ("app",):
            await reach(page, place, where, key)
            place.failure = make
            page.app.action_perform(action.id)
            await page.pilot.pause()
            if page.app.screen.is_modal or where is Place.EDITOR:
                await page.pilot.press("f", "enter", "enter", "ctrl+s", "ctrl+s")
            elif isinstance(page.app.focused, Input):
                await page.pilot.press("f", "enter")
            assert page.app.is_running, f"{action.id} in {where}"
            place.failure = None
            await return_to_browsing(page)


@pytest.mark.heavy
@pytest.mark.parametrize("expected", [True, False], ids=["errors-of-the-store", "unexpected-exceptions"])
async def test_actions_survive_failing_store(place: FailingPlace, tmp_path: Path, *, expected: bool) -> None:
    """Each action of the registry is done while each call to the store fails; the app goes on."""
    errors = InternalErrors(tmp_path / "errors")
    kinds = itertools.cycle(ERRORS)
    once = list({action.id: (where, action) for where, action in reversed(STEPS)}.values())
    async with browsing(place.connect, Codecs(), writable=True, drafts=tmp_path / "drafts", errors=errors) as page:
        if expected:
            await walk(page, place, lambda: next(kinds)("injected"), once)
        else:
            await walk(page, place, lambda: InjectedError(CANARY), figure(once, STEPS))
        await page.press("r")
        await page.press(":", *"app", "enter", "2")
        await page.shows("theirs")
    kinds_met = {type(error) for error in errors.recent} - {SuspendNotSupported}  # this one has no terminal to suspend
    assert kinds_met == (set() if expected else {InjectedError})
    assert CANARY not in everything_written(tmp_path)


def everything_written(folder: Path) -> str:
    return "".join(file.read_text() for file in folder.rglob("*") if file.is_file())


def fail(*_: object, **__: object) -> NoReturn:
    raise InjectedError(CANARY)


@pytest.mark.parametrize(
    "part",
    [
        (BrowseScreen, "do_help", "?"),
        (HelpScreen, "compose", "?"),
        (HelpScreen, "on_mount", "?"),
        (BrowseScreen, "tick", ""),
        (TreePane, "draw", "r"),
        (Codecs, "open", "r"),
        (Static, "render", "?"),
        (goto, "open_prompt", ":"),
        (KeyTree, "render_line", "j"),
    ],
    ids=lambda part: f"{part[0].__name__}.{part[1]}",
)
async def test_app_survives_a_failing_part(
    place: FailingPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: tuple[object, str, str]
) -> None:
    """Whatever part raises an unexpected exception, it is shown once, kept in a file, and the keys still work."""
    errors = InternalErrors(tmp_path)
    owner, name, keys = part
    async with browsing(place.connect, Codecs(), errors=errors) as page:
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, fail)
            await page.pilot.press(*keys)
            await page.until(lambda: bool(errors.recent), "it is reported")
        await page.shows("internal error: InjectedError")
        if owner is HelpScreen:
            await page.until(lambda: isinstance(page.app.screen, BrowseScreen), "what could not be shown is left")
        await return_to_browsing(page)
        await page.press("r", "?")
        await page.shows("Keys")
        await page.press("escape", "1", "g", "2")
        await page.shows("threads")
    assert {type(error) for error in errors.recent} <= {InjectedError, NoMatches}  # a screen has no parts then
    assert "test_failures.py" in everything_written(tmp_path)
    assert CANARY not in everything_written(tmp_path)


async def test_dialog_removed_while_it_opens_reports_nothing(place: FailingPlace, tmp_path: Path) -> None:
    """It has no widgets then, as when the app ends right after the key that opens it."""
    errors = InternalErrors(tmp_path)

    class RemovedDialog(ConfirmDialog):
        def compose(self) -> ComposeResult:
            self.app._prune(self, parent=None)  # noqa: SLF001 - what Textual does at the end of an app
            return super().compose()

    async with browsing(place.connect, Codecs(), errors=errors) as page:
        dialog = RemovedDialog("Removed?", Content("body"), yes="Yes")
        page.app.push_screen(dialog)
        await page.until(lambda: not dialog.is_running and dialog.is_mounted, "it is removed")
    assert not errors.recent
    assert everything_written(tmp_path) == ""


async def test_removed_editor_is_not_drawn(place: FailingPlace, tmp_path: Path) -> None:
    """Its parts are gone while it still is among the screens, as when the app ends while a draft is written."""
    async with browsing(place.connect, Codecs(), writable=True, drafts=tmp_path) as page:
        await page.press("e")
        editor = page.app.screen
        assert isinstance(editor, EditScreen)
        await page.app._prune(editor, parent=None)  # noqa: SLF001 - what Textual does at the end of an app
        page.app._on_session_change(Part.EDIT)  # noqa: SLF001 - as the session calls it
        page.app.on_keyscope_session_changed()
        page.app._tick()  # noqa: SLF001 - as the timer calls it


def test_internal_error_without_folder_is_shown() -> None:
    """Where no file can be written, the line says so and nothing else fails."""
    lines = list[str]()
    errors = InternalErrors(Path("/dev/null/errors"))
    errors.on_report = lines.append
    for _ in range(3):
        errors.report(InjectedError(CANARY), "a test")
    assert lines == ["internal error: InjectedError in an unknown place (details not kept)"]
