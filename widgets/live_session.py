"""Live session: a session on the portal's loop with its panes, and the widgets that show it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent import futures
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final, NamedTuple, Self, TypeVar

from explorer.blocking.portal import HeldContext, portal
from explorer.codecs.options import CodecOptions
from explorer.config import Profile, read_profile
from explorer.model.address import Access
from explorer.model.entries import Revision
from explorer.model.errors import ExplorerError, KeyNotFound
from explorer.model.sanitize import sanitize
from explorer.session.editing.edit import Edit
from explorer.session.editing.edit_states import Saved
from explorer.session.internal_errors import InternalErrors
from explorer.session.keytree.nodes import LevelState, Node
from explorer.session.session import Session
from explorer.session.states import Part
from explorer.session_opener import READ_ONLY_PROFILE, open_session
from widgets.bridge import Bridge
from widgets.edit_flows import close_saved
from widgets.panes.base import Pane
from widgets.panes.changes import ChangesPane
from widgets.panes.edit import ComparisonPane, EditPane
from widgets.panes.locks import LocksPane
from widgets.panes.results import DifferencesPane, HitsPane, JournalPane
from widgets.panes.tree import TreePane
from widgets.panes.value import ValuePane
from widgets.passwords import PasswordSource, with_password

Result = TypeVar("Result")

_LOG: Final = logging.getLogger(__package__)
_READ_ONLY_WIDGET: Final = "read-only: the widget was made without write=True"
_UNREAD: Final = (LevelState.UNLOADED, LevelState.LOADING)
FRAME_INTERVAL: Final = 1 / 15
"""Minimum number of seconds between two patches of a view."""
HEARTBEAT_INTERVAL: Final = 1.0
"""Seconds between two signs of life; a page shows that they are missing after three."""


class Selection(NamedTuple):
    """The selected key."""

    key: str
    revision: Revision | None
    """Revision of the value that is shown; None while none is."""


class LiveSession:
    """A session that runs on the portal, so that it goes on while no cell runs and while a cell is busy.

    `open`, `run`, `post` and `close` are for other threads; everything else runs on the portal's loop.
    """

    session: Session
    tree: TreePane
    value: ValuePane
    edit: EditPane

    def __init__(self, profile: Profile, options: CodecOptions, *, writable: bool, profile_name: str) -> None:
        self.panes: dict[str, Pane] = {}
        self.messages: tuple[str, ...] = ()
        """Lines to show at the start."""
        self.is_closed = False
        self.on_selection: list[Callable[[Selection | None], object]] = []
        """Called with the selected key and its revision when one of the two changed."""
        self._selection: Selection | None = None
        self._bridges: list[Bridge] = []
        self._portal = portal()
        self._profile = profile
        self._profile_name = profile_name
        self._options = options
        self._writable = writable
        self._errors: InternalErrors
        self._create_task: Callable[..., asyncio.Task[None]]
        self._tasks: set[asyncio.Task[None]] = set()
        self._dirty = Part(0)
        self._frame: asyncio.TimerHandle | None = None
        self._next_frame = 0.0
        """Moment, on the loop's clock, of the next frame."""
        self._held = HeldContext(self._portal, self._opened())

    # For other threads

    @classmethod
    def open(
        cls,
        source: str,
        access: Access | None,
        options: CodecOptions,
        *,
        password: PasswordSource | None,
        writable: bool,
    ) -> Self:
        """Start a session; do not wait for the store.

        Args:
            source: URL, or `@NAME` for a profile.
            access: Credentials, certificates and time limit; None for those of the profile and the environment.
            options: Schemas and rules; the profile has those that are not given.
            password: Where the password comes from; None for those of the access.
            writable: Whether writing is unlocked.

        Raises:
            ExplorerError: The address, the settings or a schema is invalid.
        """
        name = source if source.startswith("@") else ""
        profile = read_profile(source[1:]) if name else Profile(source)
        if access is not None:
            profile = replace(profile, access=access)
        profile = with_password(profile, password)
        live = cls(profile, options.or_of(profile), writable=writable and not profile.read_only, profile_name=name)
        live._held.enter()
        return live

    def close(self) -> None:
        """End the session with its watches, tasks and connections, and tell its widgets."""
        self.is_closed = True
        self._held.exit()

    def run(self, coroutine: Coroutine[object, object, Result]) -> Result:
        """Run a coroutine on the session's loop and return its result."""
        return self._portal.run(coroutine)

    def post(self, callback: Callable[[], object]) -> None:
        """Call a function on the session's loop, soon, unless the session is closed."""
        if not self.is_closed:
            self._portal.call_soon(callback)

    def wait_first_rows(self, timeout: float) -> None:
        """Wait until the first rows were read, or why they cannot be is known, at most so many seconds."""
        if self.is_closed or self._portal.is_loop_thread:
            return

        async def first_rows() -> None:
            async with asyncio.timeout(timeout):
                await self._wait_first_rows()

        try:
            self.run(first_rows())
        except (TimeoutError, futures.CancelledError):
            _LOG.debug("the store did not answer within %.1f s", timeout)

    # On the loop

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[None]:
        opened = open_session(
            self._profile,
            self._options,
            writable=self._writable,
            read_only=not self._writable,
            read_only_reason=READ_ONLY_PROFILE if self._profile.read_only else _READ_ONLY_WIDGET,
            profile_name=self._profile_name,
        )
        self.messages, self._errors = opened.messages, opened.errors
        self._errors.on_report = lambda line: self.notify(line, "error")
        async with opened.session as self.session, asyncio.TaskGroup() as group:
            self._create_task = group.create_task
            self.tree = TreePane(self.session)
            self.value = ValuePane(self.session, self._on_change)
            self.edit = EditPane(self.session, self._on_saved)
            panes = (
                self.tree,
                self.value,
                self.edit,
                ComparisonPane(self.session, self.edit),
                LocksPane(self.session),
                ChangesPane(self.session),
                *(kind(self.session, self._start_details) for kind in (HitsPane, DifferencesPane, JournalPane)),
            )
            self.panes = {pane.name: pane for pane in panes}
            unsubscribe = self.session.subscribe(self._on_change)
            self.start(self._send_heartbeats(), name="heartbeats of the widgets")
            try:
                yield
            finally:
                unsubscribe()
                self.is_closed = True
                if self._frame is not None:
                    self._frame.cancel()
                for pane in self.panes.values():
                    pane.close()
                for bridge in self._bridges:
                    bridge.send_closed("the widget was closed")
                for task in self._tasks:
                    task.cancel()

    async def _wait_first_rows(self) -> None:
        changed = asyncio.Event()
        unsubscribe = self.session.subscribe(lambda _: changed.set())
        try:
            while self._is_unread and self.session.connection.error is None:
                changed.clear()
                await changed.wait()
        finally:
            unsubscribe()

    @property
    def _is_unread(self) -> bool:
        rows = self.session.tree.rows
        return not rows.loaded and rows.root.load_state in _UNREAD

    def start(self, work: Coroutine[object, object, None], *, name: str) -> asyncio.Task[None]:
        """Start a task that ends with the session. An exception of it is reported, and the session goes on."""
        task = self._create_task(self._reported(work, name), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: work.close())  # one that was cancelled before it began
        return task

    def _start_details(self, work: Coroutine[object, object, None]) -> None:
        self.start(work, name="details of a result")

    async def _reported(self, work: Coroutine[object, object, None], name: str) -> None:
        try:
            await work
        except ExplorerError as error:
            self.notify(error.message, "error")
        except Exception as error:  # noqa: BLE001 - a defect in a view must not end the session
            self._errors.report(error, name)

    def report(self, error: Exception, where: str) -> None:
        """Report an unexpected exception."""
        self._errors.report(error, where)

    def attach(self, bridge: Bridge) -> None:
        """Send changes to a widget from now on."""
        self._bridges.append(bridge)

    def detach(self, bridge: Bridge) -> None:
        """Send nothing to a widget any more."""
        if bridge in self._bridges:
            self._bridges.remove(bridge)

    @property
    def has_editor(self) -> bool:
        """True if one of the widgets edits values."""
        return any("value" in bridge.panes and bridge.can_edit for bridge in self._bridges)

    def forget_listener(self, on_selection: Callable[[Selection | None], object]) -> None:
        """Call a function of `on_selection` no more."""
        if on_selection in self.on_selection:
            self.on_selection.remove(on_selection)

    def notify(self, text: str, severity: str) -> None:
        """Show a line in each view of each widget."""
        for bridge in self._bridges:
            bridge.notify(sanitize(text), severity)

    def _on_saved(self, edit: Edit, state: Saved) -> None:
        self.start(close_saved(self, edit, state), name="close a saved edit")

    @property
    def selection(self) -> Selection | None:
        """Selected key with the revision of its value."""
        key, loaded = self.session.selected, self.session.detail.loaded
        if key is None:
            return None
        return Selection(key, loaded.entry.revision if loaded is not None and loaded.entry.key == key else None)

    async def go(self, key: str, *, is_open: bool = False) -> None:
        """Select a key or a folder in the tree.

        Args:
            key: The key.
            is_open: Whether to open it, as a folder.

        Raises:
            KeyNotFound: There is no such key or folder.
        """
        found = await self.session.lookup.find_nearest(key.removesuffix(self.session.tree.separator) or key)
        if found.node is None or not found.is_exact:
            raise KeyNotFound(f"no such key: {key}", key=key)
        await self.show(found.node)
        if is_open:
            self.session.tree.expand(found.node)

    async def show(self, node: Node) -> None:
        """Move the tree's cursor to a node; clear a filter that hides it."""
        tree = self.session.tree
        if tree.rows.row_of(node) is None and tree.filter.progress is not None:
            tree.filter.set(None, node)
            await tree.idle()
        self.tree.select(node)
        self.request_frame(Part.TREE)

    def request_frame(self, parts: Part) -> None:
        """Send panes of some parts, as far as they differ, with the next frame to all views."""
        self._on_change(parts)

    def _on_change(self, parts: Part) -> None:
        self._dirty |= parts
        if self._frame is None:
            loop = asyncio.get_running_loop()
            self._frame = loop.call_at(max(loop.time(), self._next_frame), self._send_frame)

    def send_now(self) -> None:
        """Send at once what changed, also what the session has not notified of yet."""
        self._dirty = ~Part(0)
        if self._frame is not None:
            self._frame.cancel()
        self._send_frame()

    def _send_frame(self) -> None:
        self._frame = None
        self._next_frame = asyncio.get_running_loop().time() + FRAME_INTERVAL
        parts, self._dirty = self._dirty, Part(0)
        try:
            for pane in self.panes.values():
                if pane.parts & parts:
                    pane.on_change()
            for bridge in self._bridges:
                bridge.send_changes(parts)
            if self.selection != self._selection:
                self._selection = self.selection
                for on_selection in self.on_selection:
                    on_selection(self._selection)
        except Exception as error:  # noqa: BLE001 - a defect in a pane must not end the session
            self._errors.report(error, "sending changes to a page")

    async def _send_heartbeats(self) -> None:
        while True:
            for bridge in self._bridges:
                bridge.send_heartbeat()
            await asyncio.sleep(HEARTBEAT_INTERVAL)
