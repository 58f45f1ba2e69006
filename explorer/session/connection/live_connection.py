"""A session's live connection: the one owner of reconnector, reflector, heartbeat and liveness."""

from collections.abc import Callable

from explorer.drivers.base import Store
from explorer.model.clock import SystemClock
from explorer.model.entries import Revision
from explorer.model.errors import ExplorerError
from explorer.session.connection.heartbeat import Heartbeat
from explorer.session.connection.liveness import LivenessTracker
from explorer.session.connection.liveness_monitor import LivenessMonitor
from explorer.session.connection.reconnector import ConnectionTask, Reconnector
from explorer.session.connection.reflector import Reflector
from explorer.session.jobs import Job, Jobs
from explorer.session.notifier import Notifier
from explorer.session.states import Liveness, Part, newest
from explorer.session.view_model import ViewModel


class LiveConnection:
    """Keeps a view model connected to its store, equal to it, and knows how certain that is."""

    def __init__(
        self, connect: Callable[[], Store], view_model: ViewModel, notifier: Notifier, jobs: Jobs, clock: SystemClock
    ) -> None:
        """Wire the parts.

        Args:
            connect: Returns a new store that is not open yet.
            view_model: Shows the store.
            notifier: Notifies of a change of liveness.
            jobs: Owner of the tasks.
            clock: Clock of proofs and retries.
        """
        self._view_model = view_model
        self._notifier = notifier
        self._jobs = jobs
        self._ping_revision: Revision | None = None
        self._tracker = tracker = LivenessTracker()
        self._monitor = LivenessMonitor(tracker, clock, mark_dirty=notifier.mark_dirty, on_wake=self._on_wake)
        self._reconnector = Reconnector(connect, tracker, clock, self._monitor.update)
        self._heartbeat = Heartbeat(tracker, clock, on_ping=self._on_ping, on_recovery=self._on_recovery)
        self._reflector = Reflector(
            view_model,
            tracker,
            clock,
            request_frame=notifier.request_frame,
            on_change=self._monitor.update,
            ping_now=self._heartbeat.ping_now,
        )

    def start(self) -> None:
        """Start the tasks; they end with the jobs."""
        tasks: dict[str, Callable[[], Job]] = {
            "notify views": lambda: self._notifier.run(self._reflector.apply_pending, self._reflector.rate.per_second),
            "monitor liveness": self._monitor.run,
            "keep connected": self._run,
        }
        for name, make in tasks.items():
            self._jobs.keep_running(make, name=name)

    async def _run(self) -> None:
        companions = {"ping": self._heartbeat.run, "resync": self._resync, "read locks": self._read_locks}

        def kept_running(name: str, companion: ConnectionTask) -> ConnectionTask:
            return lambda store: self._jobs.run_with_restarts(lambda: companion(store), name)

        await self._reconnector.run(self._reflector.run, [kept_running(*one) for one in companions.items()])

    async def _resync(self, _store: Store) -> None:
        self._view_model.start_tree()
        await self._reflector.run_resyncs()

    async def _read_locks(self, store: Store) -> None:
        """Read locks; after what is shown, whose first rows a walk through all keys would delay."""
        await self._view_model.locks.run(store, self._reflector.wait_synced)

    # State

    @property
    def store(self) -> Store:
        """The connected store.

        Raises:
            ExplorerError: There is none; the error says why.
        """
        return self._reconnector.store

    @property
    def is_attempted(self) -> bool:
        """True once the first attempt to connect has ended, in whatever way."""
        return self._reconnector.is_attempted

    async def wait_attempted(self) -> None:
        """Wait until the first attempt to connect has ended, in whatever way."""
        await self._reconnector.wait_attempted()

    @property
    def is_settled(self) -> bool:
        """True if nothing is being connected or read again, or the next attempt is not due yet."""
        return self._reconnector.is_settled and self._reflector.is_settled

    @property
    def is_frozen(self) -> bool:
        """True if events are held back."""
        return self._reflector.is_frozen

    @property
    def liveness(self) -> Liveness:
        """Liveness at this moment."""
        return self._monitor.evaluate()

    @property
    def error(self) -> ExplorerError | None:
        """Error of the last attempt to connect; None while connected, or during the first attempt."""
        return self._tracker.error

    def call_error(self) -> ExplorerError | None:
        """Return the error that calls of the store fail with now; None while there is a connection."""
        return self._reconnector.connection_error()

    @property
    def revision(self) -> Revision | None:
        """Newest revision of an event or a ping."""
        return newest(self._reflector.revision, self._ping_revision)

    @property
    def event_rate(self) -> float:
        """Events per second over the last seconds."""
        return self._reflector.rate.per_second()

    # Commands

    async def reload(self) -> None:
        """Connect at once if there is no connection, else read everything shown again."""
        if self._reconnector.is_open:
            self._heartbeat.ping_now()
            self._reflector.request_resync()
        else:
            self._reconnector.retry_now()

    async def toggle_freeze(self) -> None:
        """Hold back events, or let them go on; none is lost."""
        self._reflector.freeze(frozen=not self._reflector.is_frozen)

    # Events

    def _on_wake(self) -> None:
        """Read again after a suspend of the machine."""
        self._heartbeat.ping_now()
        self._on_recovery()

    def _on_recovery(self) -> None:
        """Read again after a time without proof."""
        if self._reconnector.is_open:
            self._reflector.request_resync()

    def _on_ping(self, revision: Revision | None) -> None:
        self._reflector.on_ping(revision)
        if revision is not None and revision != self._ping_revision:
            self._ping_revision = revision
            self._notifier.mark_dirty(Part.LIVENESS)
        if self._tracker.ping_error is None:
            self._view_model.editor.on_store_answered()
        self._monitor.update()
