"""Plan review: a plan is made, shown, applied and taken back, while views show how far it is."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from explorer.config import MASKED
from explorer.drivers.base import Store
from explorer.model.errors import CallNotSupported, ExplorerError, InvalidPlan
from explorer.model.line_diff import DiffLine, remark
from explorer.model.write_reason import write_reason
from explorer.plans.application import Application, undo_of
from explorer.plans.constraint_check import KeyViolation, blocking_constraints, plan_violations
from explorer.plans.plan import OmittedKey, Plan, PlanPart
from explorer.plans.plan_folder import PlanFolder
from explorer.session.decoder import Decoder
from explorer.session.internal_errors import as_failure
from explorer.session.jobs import Task
from explorer.session.results.plan_rows import PlanRow, plan_rows
from explorer.session.results.result_list import ResultHost, ResultList
from explorer.session.states import Part

if TYPE_CHECKING:  # imports protobuf
    from explorer.codecs.codecs import Codecs
    from explorer.codecs.constraints.constraint import Violation

NOTHING_APPLIED: Final = "nothing to take back"
_APPLY_JOB: Final = "apply plan"


class PlanPhase(Enum):
    """Phase of a plan."""

    MAKING = "being made"
    READY = "ready"
    APPLYING = "being applied"
    APPLIED = "applied"
    STOPPED = "stopped"
    """By a conflict, an error, or a person: what is done stays done, and applying it again goes on."""


class PlanStores:
    """The stores that a plan is made from, or applied to: that of the session, and others while they are needed.

    Args:
        own: The connected store of the session.
        connect: Returns the store of a URL or `@PROFILE`, not yet connected.
        stack: Closes the others.
    """

    def __init__(self, own: Store, connect: Callable[[str], Store], stack: AsyncExitStack) -> None:
        self.own = own
        self._connect = connect
        self._stack = stack

    async def open(self, source: str) -> Store:
        """Return the connected store of a URL or `@PROFILE`."""
        return await self._stack.enter_async_context(self._connect(source))

    async def of_plan(self, plan: Plan) -> Mapping[str, Store]:
        """Return the stores of a plan's parts by their URLs."""
        stores = {self.own.address.public_url: self.own}
        for part in plan.parts:
            if part.store not in stores:
                stores[part.store] = store = await self.open(_source(part))
                if store.address.public_url != part.store:
                    raise InvalidPlan(
                        f"the plan is for {part.store}, and the profile {part.profile} is for another store",
                        address=store.redacted,
                    )
        return stores


PlanMaker: TypeAlias = Callable[[PlanStores], Awaitable[Plan]]


class PlanReview(ResultList[PlanRow]):
    """One plan at a time, with its changes as the results.

    Args:
        host: The session.
        decoder: Compares and checks values.
        connect: Returns the store of a URL or `@PROFILE`, not yet connected; None if there are no others.
        folder: Folder of applied plans; None if they cannot be kept, and so not be applied.
        is_masked: Returns whether the value of a key is quoted nowhere.
    """

    job_name = "plan"
    max_items = 1_000_000

    def __init__(
        self,
        host: ResultHost,
        *,
        decoder: Decoder,
        connect: Callable[[str], Store] | None = None,
        folder: Path | None = None,
        is_masked: Callable[[str], bool] = lambda _: False,
    ) -> None:
        super().__init__(host)
        self._decoder = decoder
        self._connect = connect or _no_other_store
        self._folder = folder
        self._is_masked = is_masked
        self._maker: PlanMaker = _no_plan
        self._other_maker: PlanMaker | None = None
        self.title = ""
        self.phase = PlanPhase.MAKING
        self.plan: Plan | None = None
        """The plan, once it is made."""
        self.violations: Sequence[KeyViolation] = ()
        """Constraints that its values break."""
        self.done = 0
        """Number of changes that are done."""
        self.left: Sequence[OmittedKey] = ()
        """Keys that taking back a plan has left, since others changed them."""
        self.stop_error: ExplorerError | None = None
        """Why applying it stopped; None if a person stopped it."""
        self.on_applied: Callable[[Plan], Awaitable[None]] | None = None
        """Called when all of the plan is done."""
        self._job: Task | None = None
        """The job that applies the plan, or did."""

    # Making

    def make(
        self,
        title: str,
        maker: PlanMaker,
        *,
        overwriting: PlanMaker | None = None,
        on_applied: Callable[[Plan], Awaitable[None]] | None = None,
    ) -> None:
        """Make a plan in place of the present one.

        Args:
            title: What it does, one line.
            maker: Makes it.
            overwriting: Makes the one that replaces values that differ; None if there is no such choice.
            on_applied: Called when all of it is done.

        Raises:
            CallNotSupported: The present one is being applied.
        """
        if self.phase is PlanPhase.APPLYING:
            raise CallNotSupported("another plan is being applied", hint="stop it, or wait")
        self.title, self._maker, self._other_maker, self.on_applied = title, maker, overwriting, on_applied
        self._start()

    @property
    def has_choice(self) -> bool:
        """True if the plan can be made again so that it replaces values that differ, or leaves them."""
        return self._other_maker is not None and self.phase in (PlanPhase.MAKING, PlanPhase.READY)

    def toggle_overwrite(self) -> None:
        """Make the plan again so that it replaces values that differ, or leaves them as conflicts.

        Raises:
            CallNotSupported: It has no such choice, or was applied already.
        """
        if self._other_maker is None or self.phase not in (PlanPhase.MAKING, PlanPhase.READY):
            raise CallNotSupported("this plan has nothing to choose" if self._other_maker is None else "it was applied")
        self._maker, self._other_maker = self._other_maker, self._maker
        self._start()

    def show(self, plan: Plan) -> None:
        """Show a plan that is made already."""

        async def given(_: PlanStores) -> Plan:
            return plan

        self.make(plan.title, given)

    def take_back(self) -> None:
        """Show the plan that takes back what was done.

        Raises:
            CallNotSupported: Nothing was done.
        """
        plan, folder = self.plan, self._folder
        if not self.can_take_back or plan is None or folder is None:
            raise CallNotSupported(NOTHING_APPLIED)
        self.make(f"undo: {plan.title}", partial(_plan_to_undo, PlanFolder(folder), plan.id))

    @property
    def can_take_back(self) -> bool:
        """True if something was done that can be taken back."""
        return bool(self.done) and self.phase in (PlanPhase.APPLIED, PlanPhase.STOPPED)

    def _start(self) -> None:
        self.phase, self.plan, self.violations = PlanPhase.MAKING, None, ()
        self.done, self.left, self.stop_error = 0, (), None
        super()._start()

    def refresh(self) -> None:
        """Make the plan again, if it is not being applied or was."""
        if self.phase in (PlanPhase.MAKING, PlanPhase.READY):
            super().refresh()

    async def _pages(self) -> AsyncGenerator[Sequence[PlanRow], None]:
        async with AsyncExitStack() as stack:
            stores = PlanStores(self._get_store(), self._connect, stack)
            plan = await self._maker(stores)
            own = stores.own.address.public_url
            by_url = await stores.of_plan(plan)
            violations = await plan_violations(plan, by_url, self._checker(stores.own))
            masked = {
                (part.store, change.key)
                for part in plan.parts
                for change in part.changes
                if change.masked or self._masks(stores.own, by_url[part.store], change.key)
            } | {(one.store, one.key) for one in plan.conflicts if self._is_masked(one.key)}
        self.violations = [
            replace(one, violation=one.violation.without_value()) if (one.store, one.key) in masked else one
            for one in violations
        ]
        broken: dict[tuple[str, str], list[str]] = {}
        for one in self.violations:
            broken.setdefault((one.store, one.key), []).append(f"✗ {one.violation}")
        self.plan, self.phase = plan, PlanPhase.READY
        self.looked_at = len(plan) + len(plan.same) + len(plan.conflicts) + len(plan.omitted)
        yield plan_rows(plan, own, broken, masked)

    def _masks(self, own: Store, store: Store, key: str) -> bool:
        """Return whether a value is masked; in another store also by that store's profile."""
        is_by_own = self._is_masked(key)
        return is_by_own or (store is not own and store.profile is not None and store.profile.masks(key))

    # Applying

    @property
    def blocking(self) -> tuple[str, ...]:
        """Names of the broken constraints that the plan does not override."""
        return () if self.plan is None else blocking_constraints(self.plan, self.violations)

    def unready_reason(self) -> str | None:
        """Return why the plan cannot be applied now, in one line; None if it can."""
        match self.phase:
            case PlanPhase.MAKING:
                return "the plan is being made" if self.is_running else "there is no plan"
            case PlanPhase.APPLYING:
                return "it is being applied"
            case PlanPhase.APPLIED:
                return "it is applied already"
            case _ if self.plan is None or not len(self.plan):
                return "there is nothing to change"
            case _ if self.plan.conflicts:
                return f"it has {len(self.plan.conflicts):,} conflicts: nothing can be changed"
            case _ if self._folder is None:
                return "no applied plan can be kept here"
            case _:
                return None

    def override(self, names: Sequence[str]) -> None:
        """Override constraints by their names."""
        if self.plan is not None:
            self.plan = replace(self.plan, overrides=tuple(dict.fromkeys((*self.plan.overrides, *names))))

    def apply(self, reason: str = "") -> None:
        """Apply the plan; what is done already is not done again.

        Args:
            reason: Why, for the journal.

        Raises:
            CallNotSupported: It cannot be applied now; the message says why.
        """
        unready = self.unready_reason()
        if unready is not None or self.plan is None or self._folder is None:
            raise CallNotSupported(unready or "there is no plan")
        self.phase, self.stop_error, self.done = PlanPhase.APPLYING, None, 0
        self.began = self._clock.now()
        self._mark_dirty(Part.RESULTS)
        self._job = self._jobs.replace(self._apply(self.plan, PlanFolder(self._folder), reason), name=_APPLY_JOB)
        if self._job is not None:
            self._job.add_done_callback(self._on_job_done)

    def _on_job_done(self, job: Task) -> None:
        """Note the end of a job that was stopped before it began."""
        if job is self._job and self.phase is PlanPhase.APPLYING:
            self._stopped(None)

    def stop(self) -> None:
        """Stop making or applying the plan; what is done stays done."""
        if self.phase is PlanPhase.APPLYING:
            self._jobs.cancel(_APPLY_JOB)
        else:
            super().stop()

    @property
    def is_running(self) -> bool:
        """True while the plan is being made or applied."""
        return self.phase is PlanPhase.APPLYING or super().is_running

    async def _apply(self, plan: Plan, kept: PlanFolder, reason: str) -> None:
        try:
            async with AsyncExitStack() as stack:
                stack.enter_context(write_reason(reason))
                stores = PlanStores(self._get_store(), self._connect, stack)
                by_url = await stores.of_plan(plan)
                await asyncio.to_thread(kept.save, plan)
                with kept.progress(plan) as progress:
                    self.done = len(progress.done)
                    application = Application(plan, by_url, progress, self._checker(stores.own))
                    try:
                        async with aclosing(application.run()) as changes:
                            async for _ in changes:
                                self.done = len(progress.done)
                                self._mark_dirty(Part.RESULTS)
                    finally:
                        self.done, self.left = len(progress.done), application.summary.conflicts
            if self.on_applied is not None:
                await self.on_applied(plan)
        except ExplorerError as error:
            self._stopped(error)
        except asyncio.CancelledError:
            self._stopped(None)
            raise
        except Exception as error:
            self._stopped(as_failure(error))
            raise
        else:
            self.phase = PlanPhase.APPLIED
            self._finished()

    def _stopped(self, error: ExplorerError | None) -> None:
        self.phase, self.stop_error = PlanPhase.STOPPED, error
        self._finished()

    def _finished(self) -> None:
        self.ended, self.moment = self._clock.now(), self._clock.wall()
        self._mark_dirty(Part.RESULTS)

    # Values

    async def diff(self, row: PlanRow) -> tuple[DiffLine, ...]:
        """Return what a change does to the value, as lines of a diff."""
        if row.change is None:
            return ()
        if row.is_masked:
            return (remark(MASKED),)
        return await self._decoder.compare_values(row.key, row.change.old, row.change.new)

    def _checker(self, own: Store) -> Callable[[Store, str, bytes], Awaitable[Sequence["Violation"]]]:
        return partial(self._violations, own, {})

    async def _violations(
        self, own: Store, others: "dict[int, Codecs]", store: Store, key: str, value: bytes
    ) -> Sequence["Violation"]:
        """Return what a value breaks: in other stores by their own settings."""
        if store is own:
            return await self._decoder.check(key, value)
        if id(store) not in others:
            from explorer.codecs.load import codecs_for  # noqa: PLC0415 - only for a second store

            others[id(store)] = await asyncio.to_thread(codecs_for, store)
        return await asyncio.to_thread(others[id(store)].violations, key, value)


async def _plan_to_undo(kept: PlanFolder, identity: str, stores: PlanStores) -> Plan:
    """Return the plan that takes another one back, also one that was begun and stopped."""
    plan = await asyncio.to_thread(kept.plan_to_undo, identity)
    if plan.undoes and not kept.is_finished(plan):
        return plan
    by_url = await stores.of_plan(plan)
    with kept.progress(plan) as progress:
        return await undo_of(plan, by_url, progress)


def _source(part: PlanPart) -> str:
    return f"@{part.profile}" if part.profile else part.store


def _no_other_store(source: str) -> Store:
    raise CallNotSupported("no other store can be opened here", address=source)


async def _no_plan(stores: PlanStores) -> Plan:
    raise CallNotSupported("there is no plan", address=stores.own.redacted)
