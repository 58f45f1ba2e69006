"""The session: everything that views of one store share, live, without a screen."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from explorer.drivers.base import Store
from explorer.model.capabilities import Capability
from explorer.model.entries import Revision
from explorer.model.errors import CallNotSupported, ExplorerError
from explorer.session.action_context import ActionContext
from explorer.session.actions import Actions
from explorer.session.change_log import ChangeLog
from explorer.session.clock import Clock
from explorer.session.commands import ACTIONS
from explorer.session.connection.heartbeat import Heartbeat
from explorer.session.connection.liveness import LivenessTracker
from explorer.session.connection.liveness_monitor import LivenessMonitor
from explorer.session.connection.reconnector import ConnectionTask, Reconnector
from explorer.session.connection.reflector import Reflector
from explorer.session.decoder import Codecs, Decoder
from explorer.session.detail import Detail
from explorer.session.editing.deletion import DeletePlan, apply_plan, preview
from explorer.session.editing.edit import Edit
from explorer.session.editing.edit_states import Reviewing, Unknown
from explorer.session.editing.editor import Editor
from explorer.session.internal_errors import InternalErrors
from explorer.session.jobs import Job, Jobs
from explorer.session.key_lookup import KeyLookup
from explorer.session.keytree.tree import Tree
from explorer.session.lock_table import LockTable
from explorer.session.notifier import FRAME, Notifier, Subscriber
from explorer.session.states import Liveness, Part, newest
from explorer.session.view_model import ViewModel


class Session:
    """An async context manager, entered and left by one task. Entering does not wait for the store.

    `subscribe` tells what to draw again; what is to be drawn is read from the parts: `tree`, `detail`, `changes`,
    `locks`, `liveness`, `editor` and its `current_edit`.
    """

    def __init__(
        self,
        open: Callable[[], Store],  # noqa: A002 - the contract's word
        codecs: Codecs,
        *,
        writable: bool = False,
        read_only: str | None = None,
        drafts: Path | None = None,
        clock: Clock | None = None,
        actions: Actions = ACTIONS,
        nearby: Callable[[], Awaitable[str | None]] | None = None,
        errors: InternalErrors | None = None,
        profile: str = "",
    ) -> None:
        """Prepare a session.

        Args:
            open: Makes one more connection to the store, not yet opened (`opening.opener` gives one).
            codecs: How values are read.
            writable: Whether writing is unlocked from the start.
            read_only: Why writing cannot be unlocked at all; None if it can.
            drafts: The folder for drafts; None keeps none.
            clock: What proofs, ages and lifetimes are counted by.
            actions: What a person can do, with the keys of their choice.
            nearby: Finds where the keys are if there are none at the address.
            profile: By which the store was opened, as `@prod`.
            errors: Where unexpected exceptions are reported, so that the session goes on; None has them end it.
        """
        self.clock = clock or Clock()
        self.actions = actions
        self.profile = profile
        """The profile by which the store was opened, as `@prod`; empty without one."""
        self.address = ""
        """The store's address, without secrets; empty as long as it cannot be understood."""
        self._open = open
        self._proved_revision: Revision | None = None
        self._stack = AsyncExitStack()
        self._work = Jobs(None if errors is None else errors.report)
        self._decoder = Decoder(codecs)
        self._pulse = LivenessTracker()
        self._frames = Notifier(self._fold, lambda: self.rate)
        tell = self._frames.tell
        self._vigil = LivenessMonitor(self._pulse, self.clock, tell, self._woke)
        look = self._vigil.look
        self._link = Reconnector(self._connect, self._pulse, self.clock, look)
        self._prover = Heartbeat(self._pulse, self.clock, notice=self._proved, lapsed=self._lapsed)
        self._showing = ViewModel(self._decoder, self._work, lambda: self._link.store, self.clock, tell, drafts=drafts)
        self._following = Reflector(
            self._showing, self._pulse, self.clock, wake=self._frames.wake, notice=look, ask=self._prover.ask_now
        )
        self.lookup = KeyLookup(self._showing.tree, lambda: self._link.store, nearby, lambda: tell(Part.TREE))
        """Questions about a key that a person typed."""
        self._circumstances = ActionContext(
            self._link, self._showing, writable=writable, read_only=read_only, unlock_keys=actions["writing"].keys
        )

    # Entering and leaving

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._work.going_on())
        running: dict[str, Callable[[], Job]] = {
            "tell views": self._frames.run,
            "judge liveness": self._vigil.run,
            "let marks fade": self._showing.age,
            "keep connected": self._connected,
        }
        for name, make in running.items():
            self._work.keep_running(make, name=name)
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

    async def _connected(self) -> None:
        companions = {"prove": self._prover.run, "read": self._read, "read locks": self.locks.run}

        def kept_running(name: str, companion: ConnectionTask) -> ConnectionTask:
            return lambda store: self._work.restarting(lambda: companion(store), name)

        await self._link.run(self._following.run, [kept_running(*one) for one in companions.items()])

    def _connect(self) -> Store:
        """Make a connection, and take over what can be known of the store before it answers."""
        store = self._open()
        self._circumstances.store_capabilities = store.capabilities
        if not self.address:
            self.address = self.editor.store_address = store.address.redacted
            self._showing.split_at(store.separator)
            self._work.start(self.editor.find_drafts(), name="find drafts")
        return store

    async def _read(self, _store: Store) -> None:
        self._showing.grow()
        await self._following.keep_reading()

    # What is shown

    @property
    def tree(self) -> Tree:
        """The keys."""
        return self._showing.tree

    @property
    def detail(self) -> Detail:
        """The selected key."""
        return self._showing.detail

    @property
    def changes(self) -> ChangeLog:
        """What happened."""
        return self._showing.changes

    @property
    def locks(self) -> LockTable:
        """Who holds which lock."""
        return self._showing.locks

    @property
    def editor(self) -> Editor:
        """Where editing happens, and the drafts that were found."""
        return self._showing.desk

    @property
    def current_edit(self) -> Edit | None:
        """The open edit; one that was saved stays until it is left."""
        return self.editor.edit

    @property
    def liveness(self) -> Liveness:
        """How sure it is, this very moment, that the store is as it is shown."""
        return self._vigil.judge()

    @property
    def error(self) -> ExplorerError | None:
        """Why there is no connection; None while there is one, or the first is being made."""
        return self._pulse.error

    @property
    def store_capabilities(self) -> Capability:
        """What the store can do."""
        return self._circumstances.store_capabilities

    @property
    def writable(self) -> bool:
        """Whether writing is unlocked."""
        return self._circumstances.writable

    @property
    def selected(self) -> str | None:
        """The selected key."""
        return self.detail.key

    @property
    def revision(self) -> Revision | None:
        """The newest revision that the store told of."""
        return newest(self._following.revision, self._proved_revision)

    @property
    def rate(self) -> float:
        """Events per second, over the last seconds."""
        return self._following.rate.per_second()

    @property
    def frozen(self) -> bool:
        """Whether what is shown is held still."""
        return self._following.frozen

    def subscribe(self, told: Subscriber) -> Callable[[], None]:
        """Have a function called with the parts that changed, at most once per frame; gives what ends that."""
        return self._frames.subscribe(told)

    async def idle(self) -> None:
        """Wait until all that a person caused is done and told; watching and proving go on all the time."""
        while True:
            await self._work.done()
            if self._showing.busy:
                await self.tree.idle()
            await self._frames.told()
            if self._link.settled and self._following.settled and self._frames.quiet:
                if not (self._work.busy or self._showing.busy):
                    return
            else:
                await asyncio.sleep(FRAME)

    # What a person does

    def disabled_reason(self, name: str) -> str | None:
        """Tell why an action cannot be done now, in a line for a person; None if it can."""
        return self.actions[name].disabled_reason(self._circumstances, self._circumstances.read_only_reason)

    async def run(self, name: str) -> None:
        """Do an action that needs no screen, by its id.

        Raises:
            KeyError: It needs one.
            CallNotSupported: It is off; the message says why.
        """
        act = self._acts()[name]
        self._must(name)
        await act()

    def start(self, name: str) -> None:
        """Do an action that needs no screen without waiting for it; what comes of it is told as a part that changed.

        Raises:
            KeyError: It needs one.
            CallNotSupported: It is off; the message says why.
        """
        act = self._acts()[name]
        self._must(name)
        self._work.start(act(), name=name)

    def select(self, key: str | None) -> None:
        """Show the value of a key; None shows nothing."""
        self.detail.select(key)
        folder = (key or "").rpartition(self.tree.separator)[0]
        self.locks.open_folder(folder or key or "")

    def find_nearby_keys(self) -> None:
        """Look, once, for the keys of a store that has none at its address."""
        self._work.start(self.lookup.find_nearby_keys(), name="look for keys nearby", caused=False)

    async def reload(self) -> None:
        """Connect now if there is no connection; else read again everything that is shown."""
        if self._link.open:
            self._prover.ask_now()
            self._following.read_again()
        else:
            self._link.retry()

    async def toggle_freeze(self) -> None:
        """Hold what is shown still, or let it go on; nothing is lost meanwhile."""
        self._following.freeze(frozen=not self.frozen)

    async def toggle_writable(self) -> None:
        """Unlock writing, or lock it again.

        Raises:
            CallNotSupported: It was opened to be read only.
        """
        if self._circumstances.read_only is not None:
            raise CallNotSupported(self._circumstances.read_only)
        self._circumstances.writable = not self.writable
        self._frames.tell(Part.LIVENESS)

    def edit(self) -> Edit:
        """Open an edit of the value that is shown.

        Raises:
            CallNotSupported: It cannot be edited now; the message says why.
        """
        self._must("edit")
        reading = self.detail.loaded
        if reading is None:
            raise CallNotSupported(self._circumstances.unreadable_reason or "no value is shown", key=self.selected)
        return self.editor.open(reading)

    async def create(self, key: str) -> Edit:
        """Open an edit that creates a key.

        Raises:
            CallNotSupported: Nothing can be created now; the message says why.
        """
        self._must("new")
        return await self.editor.create(key)

    async def save(self) -> None:
        """Show what saving the open edit would change; once that is shown, save it."""
        edit = self.current_edit
        if edit is not None and isinstance(edit.state, Reviewing | Unknown):
            await edit.save()
        elif edit is not None:
            await edit.review()

    async def take_theirs(self) -> None:
        """Give the open edit up for what somebody else stored."""
        await self.editor.leave()
        self.detail.reload()

    async def preview_deletion(self, key: str, *, subtree: bool, with_key: bool = False) -> DeletePlan:
        """Read what deleting a key, or everything below a folder, and the folder's own key too, would delete.

        Raises:
            CallNotSupported: Nothing can be deleted, or not safely; the message says why.
            KeyNotFound: There is nothing of the kind.
        """
        self._must_write(key)
        return await preview(self._link.store, key, subtree=subtree, with_key=with_key)

    async def delete(self, removal: DeletePlan) -> int:
        """Delete what a preview showed, and give how many entries that were.

        Raises:
            CallNotSupported: Nothing can be deleted; the message says why.
            KeyModified: Something of it changed since; nothing was deleted.
            OutcomeUnknown: The answer was lost.
        """
        self._must_write(removal.key)
        return await apply_plan(self._link.store, removal)

    def _acts(self) -> Mapping[str, Callable[[], Job]]:
        acts: dict[str, Callable[[], Job]] = {
            "reload": self.reload,
            "freeze": self.toggle_freeze,
            "writing": self.toggle_writable,
            "save": self.save,
            "take-theirs": self.take_theirs,
        }
        edit = self.current_edit
        if edit is not None:
            acts |= {"look-again": edit.check_outcome, "keep-mine": edit.keep_mine, "use-merged": edit.use_merged}
            acts |= {"compare-again": edit.compare_again}
        return acts

    def _must(self, name: str) -> None:
        off = self.disabled_reason(name)
        if off is not None:
            raise CallNotSupported(off, key=self.selected)

    def _must_write(self, key: str) -> None:
        if not self.writable:
            raise CallNotSupported(self._circumstances.read_only_reason, key=key)

    # What happens

    def _fold(self) -> bool:
        return self._following.fold()

    def _woke(self) -> None:
        self._prover.ask_now()
        self._lapsed()

    def _lapsed(self) -> None:
        if self._link.open:
            self._following.read_again()

    def _proved(self, revision: Revision | None) -> None:
        if revision is not None and revision != self._proved_revision:
            self._proved_revision = revision
            self._frames.tell(Part.LIVENESS)
        if self.current_edit is not None and self._pulse.silence is None:
            self.current_edit.on_store_answered()
        self._vigil.look()
