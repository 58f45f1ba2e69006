"""Session: the live state of one store, shared by its views; it needs no screen."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from explorer.drivers.base import Store
from explorer.journal import Journal
from explorer.model.capabilities import Capability
from explorer.model.clock import SystemClock
from explorer.model.errors import CallNotSupported, ExplorerError
from explorer.session.action_context import ActionContext
from explorer.session.actions import Actions, key_label
from explorer.session.commands import ACTIONS
from explorer.session.connection.live_connection import LiveConnection
from explorer.session.decoder import Decoder, ValueCodecs
from explorer.session.earlier_values import earlier_meta
from explorer.session.editing.deletion import DeletePlan, apply_plan, preview
from explorer.session.editing.edit import Edit
from explorer.session.internal_errors import InternalErrors
from explorer.session.jobs import Job, Jobs
from explorer.session.key_lookup import KeyLookup
from explorer.session.keytree.nodes import Node
from explorer.session.keytree.tree import Tree
from explorer.session.notifier import FRAME_INTERVAL, Notifier, Subscriber
from explorer.session.results.result_list import ResultHost
from explorer.session.results.results import Results
from explorer.session.states import Liveness, Part
from explorer.session.view_model import ViewModel

_EVENT_TIMEOUT: Final = 2.0
"""Seconds to wait for the event of a saved key."""


class Session:
    """An async context manager, entered and left by one task. Entering does not wait for the store.

    Subscribers are notified of the parts that changed, and read them from `tree`, `detail`, `changes`, `locks`,
    `connection` and `editor`.
    """

    def __init__(
        self,
        open: Callable[[], Store],  # noqa: A002 - the contract's word
        codecs: ValueCodecs,
        *,
        writable: bool = False,
        read_only: str | None = None,
        drafts: Path | None = None,
        clock: SystemClock | None = None,
        actions: Actions = ACTIONS,
        find_nearby: Callable[[], Awaitable[str | None]] | None = None,
        errors: InternalErrors | None = None,
        profile: str = "",
        journal: Journal | None = None,
        is_masked: Callable[[str], bool] = lambda _: False,
        asks_reason: bool = False,
        connect: Callable[[str], Store] | None = None,
        plans: Path | None = None,
    ) -> None:
        """Prepare a session.

        Args:
            open: Returns a new store that is not open yet (see `explorer.opener`).
            codecs: Decodes values.
            writable: Whether writing is unlocked from the start.
            read_only: Why writing cannot be unlocked; None if it can.
            drafts: Folder for drafts; None keeps none.
            clock: Clock of proofs, ages and lifetimes.
            actions: Actions with the user's keys.
            find_nearby: Returns an address where there are keys if there are none at this one.
            errors: Reports unexpected exceptions, so that the session goes on; None has them end it.
            profile: Profile that the store was opened with, such as `@prod`.
            journal: Journal of this person's changes, where earlier values are looked up.
            is_masked: Returns whether the value of a key is left out of lists.
            asks_reason: Whether each write needs a reason.
            connect: Returns the store of a URL or `@PROFILE`, not yet connected, for a second side.
            plans: Folder of applied plans; None applies none.
        """
        self.clock = clock or SystemClock()
        self.journal = journal
        self.is_masked = is_masked
        self.asks_reason = asks_reason
        self.actions = actions
        self.profile = profile
        self.address = ""
        """The store's address without secrets; empty until it was parsed."""
        self._newest_store: Store | None = None
        self.store_capabilities = Capability(0)
        """Capabilities of the store."""
        self.writable = writable
        """True if writing is unlocked."""
        self._open = open
        self._read_only = read_only
        self._stack = AsyncExitStack()
        self._jobs = Jobs(None if errors is None else errors.report)
        self._notifier = Notifier()
        self.decoder = self._decoder = Decoder(codecs)
        self.results = Results(
            ResultHost(self._jobs, self.clock, self._notifier.mark_dirty, self._connected_store),
            codecs,
            self._decoder,
            connect=connect,
            is_masked=is_masked,
            journal=journal,
            plans=plans,
        )
        """Found keys, differences, this person's changes, and the plan that was made last."""
        self._view_model = ViewModel(
            self._decoder, self._jobs, self._connected_store, self.clock, self._notifier.mark_dirty, drafts=drafts
        )
        self.detail = self._view_model.detail
        """Value of the selected key."""
        self.changes = self._view_model.changes
        """Log of changes."""
        self.locks = self._view_model.locks
        """Locks with holders and waiters."""
        self.editor = self._view_model.editor
        """Editor with the open edit and the drafts on disk."""
        self.marked = self._view_model.marked
        """Keys that a person marked for the next action."""
        self.connection = LiveConnection(self._new_store, self._view_model, self._notifier, self._jobs, self.clock)
        """Connection to the store, with revision and event rate."""
        self.lookup = KeyLookup(
            lambda: self.tree,
            self._connected_store,
            self.connection.wait_attempted,
            find_nearby,
            lambda: self._notifier.mark_dirty(Part.TREE),
        )
        """Lookup of typed keys."""

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._jobs.task_group())
        self.connection.start()
        self._jobs.keep_running(self._view_model.run_sweeps, name="sweep marks")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.editor.flush()
        finally:
            try:
                await self._stack.__aexit__(kind, error, trace)
            finally:
                self._decoder.close()
                self.editor.close()

    def _new_store(self) -> Store:
        """Return a new store, and adopt what is known of it before it answers."""
        store = self._open()
        self.store_capabilities = store.capabilities
        self._newest_store = store
        if store.read_only_reason is not None:
            self._read_only, self.writable = store.read_only_reason, False
        if not self.address:
            self.address = self.editor.store_address = store.address.redacted
            self._view_model.set_separator(store.separator)
            self._jobs.start(self.editor.find_drafts(), name="find drafts")
        return store

    @property
    def snapshot(self) -> str:
        """Moment that the store shows instead of the present; empty for the present."""
        return self._newest_store.snapshot if self._newest_store else ""

    def _connected_store(self) -> Store:
        return self.connection.store

    # State

    @property
    def tree(self) -> Tree:
        """Tree of keys."""
        return self._view_model.tree

    @property
    def current_edit(self) -> Edit | None:
        """The edit that is open, or saved and not left yet."""
        return self.editor.edit

    @property
    def liveness(self) -> Liveness:
        """Liveness at this moment."""
        return self.connection.liveness

    @property
    def is_lockable(self) -> bool:
        """True if writing can be unlocked."""
        return self._read_only is None

    @property
    def selected(self) -> str | None:
        """Selected key."""
        return self.detail.key

    @property
    def targets(self) -> list[str]:
        """Keys that the next action is on: those that are marked, else the selected one."""
        if self.marked:
            return self.marked.present(self.tree)
        return [] if self.selected is None else [self.selected]

    def subscribe(self, on_change: Subscriber) -> Callable[[], None]:
        """Call a function with the parts that change, at most once per frame; return a function that ends it."""
        return self._notifier.subscribe(on_change)

    async def idle(self) -> None:
        """Wait until all user-initiated work is done and subscribers were notified; watch and heartbeat go on."""
        while True:
            await self._jobs.join()
            if self._view_model.is_busy:
                await self.tree.idle()
            await self._notifier.wait_idle()
            if self.connection.is_settled and self._notifier.is_idle:
                if not (self._jobs.is_busy or self._view_model.is_busy):
                    return
            else:
                await asyncio.sleep(FRAME_INTERVAL)

    # Actions

    def disabled_reason(self, name: str) -> str | None:
        """Return why an action is disabled now, in one line; None if it is enabled."""
        context = ActionContext.of(
            self._view_model,
            store_capabilities=self.store_capabilities,
            read_only_reason=None if self.writable else self._read_only_reason(),
            call_error=self.connection.call_error(),
        )
        return self.actions[name].disabled_reason(context)

    async def run(self, name: str) -> None:
        """Run an action that needs no screen, by its id.

        Raises:
            KeyError: The action needs a screen.
            CallNotSupported: The action is disabled; the message says why.
        """
        self._require_enabled(name)
        await self._action(name)()

    def start(self, name: str, *, is_enabled: bool = False) -> None:
        """Run an action that needs no screen as a job of the session.

        Args:
            name: Id of the action.
            is_enabled: Whether the caller has just asked `disabled_reason`, so that it is not asked again.

        Raises:
            KeyError: The action needs a screen.
            CallNotSupported: The action is disabled; the message says why.
        """
        if not is_enabled:
            self._require_enabled(name)
        self._jobs.start(self._action(name)(), name=name)

    def _action(self, name: str) -> Callable[[], Job]:
        actions: Mapping[str, Callable[[], Job]] = {
            "reload": self.connection.reload,
            "freeze": self.connection.toggle_freeze,
            "writing": self.toggle_writable,
            "take-theirs": self.take_theirs,
        }
        if (edit := self.current_edit) is not None:
            actions = {
                **actions,
                "save": edit.save,
                "look-again": edit.check_outcome,
                "keep-mine": edit.keep_mine,
                "use-merged": edit.use_merged,
                "compare-again": edit.compare_again,
            }
        return actions[name]

    def _require_enabled(self, name: str) -> None:
        reason = self.disabled_reason(name)
        if reason is not None:
            raise CallNotSupported(reason, key=self.selected)

    def _read_only_reason(self) -> str:
        keys = self.actions["writing"].keys
        return self._read_only or f"read-only: {key_label(keys[0]) if keys else 'the command Writing'} unlocks writing"

    def select(self, key: str | None) -> None:
        """Show the value of a key; None shows nothing."""
        self.detail.select(key)
        folder = (key or "").rpartition(self.tree.separator)[0]
        self.locks.open_folder(folder or key or "")

    def find_nearby_keys(self) -> None:
        """Look, once, for the keys of a store that has none at its address."""
        self._jobs.start(self.lookup.find_nearby_keys(), name="find nearby keys", user_initiated=False)

    async def toggle_writable(self) -> None:
        """Unlock writing, or lock it again.

        Raises:
            CallNotSupported: The session was opened read-only.
        """
        if self._read_only is not None:
            raise CallNotSupported(self._read_only)
        self.writable = not self.writable
        self._notifier.mark_dirty(Part.LIVENESS)

    def edit(self) -> Edit:
        """Open an edit of the value that is shown.

        Raises:
            CallNotSupported: It cannot be edited now; the message says why.
        """
        self._require_enabled("edit")
        if self.detail.loaded is None:
            raise CallNotSupported("no value is shown", key=self.selected)
        return self.editor.open(self.detail.loaded)

    async def restore(self, value: bytes) -> Edit:
        """Open an edit that brings back an earlier value of the key that is shown.

        Raises:
            CallNotSupported: It cannot be edited now; the message says why.
        """
        self._require_enabled("restore")
        if self.detail.loaded is None:
            raise CallNotSupported("no value is shown", key=self.selected)
        return await self.editor.restore(self.detail.loaded, value)

    async def bring_back(self, key: str, value: bytes) -> Edit:
        """Open an edit that gives a key an earlier value, or creates the key with it.

        Raises:
            CallNotSupported: It cannot be edited now; the message says why.
            ExplorerError: The key could not be read.
        """
        self._require_enabled("new")
        return await self.editor.bring_back(key, value, await earlier_meta(self, key))

    async def create(self, key: str) -> Edit:
        """Open an edit that creates a key.

        Raises:
            CallNotSupported: Nothing can be created now; the message says why.
        """
        self._require_enabled("new")
        return await self.editor.create(key)

    async def reveal_saved(self, key: str) -> Node | None:
        """Return the node of a saved key as soon as the tree has its event.

        None if that takes too long, if another key was selected meanwhile, or if a level could not be read.
        """
        selected = self.selected
        changed = asyncio.Event()
        unsubscribe = self.subscribe(lambda parts: changed.set() if parts & Part.TREE else None)
        try:
            async with asyncio.timeout(_EVENT_TIMEOUT):
                while (node := await self.lookup.reveal(key)) is None:
                    await changed.wait()
                    changed.clear()
        except (ExplorerError, TimeoutError):
            return None  # the key is saved; the tree shows what could not be read
        finally:
            unsubscribe()
        return node if self.selected == selected else None

    async def take_theirs(self) -> None:
        """Close the open edit in favour of the stored value, which is read again; a draft keeps the text."""
        await self.editor.leave(keep=True)
        self.detail.reload()

    async def preview_deletion(self, key: str, *, subtree: bool, with_key: bool = False) -> DeletePlan:
        """Return what deleting a key, or everything below a folder, would delete.

        Raises:
            CallNotSupported: Nothing can be deleted, or not safely; the message says why.
            KeyNotFound: There is no such key.
        """
        self._require_writable(key)
        return await preview(self.connection.store, key, subtree=subtree, with_key=with_key)

    async def delete(self, plan: DeletePlan) -> int:
        """Delete what a preview listed; return the number of deleted entries.

        Raises:
            CallNotSupported: Nothing can be deleted; the message says why.
            KeyModified: An entry changed after the preview; nothing was deleted.
            OutcomeUnknown: The answer was lost.
        """
        self._require_writable(plan.key)
        return await apply_plan(self.connection.store, plan)

    def _require_writable(self, key: str) -> None:
        if not self.writable:
            raise CallNotSupported(self._read_only_reason(), key=key)
