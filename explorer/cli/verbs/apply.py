"""Plans in the command: shown, written to a file, applied and taken back; the verbs `apply` and `undo`."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path

from explorer.cli import arguments
from explorer.cli.argument_types import require_reason
from explorer.cli.console import Console
from explorer.cli.exit_codes import ExitCode, UsageError
from explorer.cli.output import shown_key
from explorer.cli.value_diff import ValueDiff
from explorer.cli.verbs.check import broken_constraints, print_violation
from explorer.config import folder
from explorer.drivers.base import Store
from explorer.model.errors import ExplorerError, InvalidPlan
from explorer.model.sanitize import pluralize
from explorer.model.write_reason import current_write_reason
from explorer.plans.application import Application, moved_keys, undo_of
from explorer.plans.constraint_check import blocking_constraints, plan_violations
from explorer.plans.plan import OmittedKey, Plan, PlanAction, PlanPart
from explorer.plans.plan_file import read_plan, write_plan
from explorer.plans.plan_folder import PlanFolder
from explorer.plans.progress import ChangeIndex


async def review(
    plan: Plan,
    stores: Iterable[Store],
    options: arguments.PlanArguments,
    console: Console,
    values: ValueDiff,
) -> int:
    """Print a plan, and write it to a file, or apply it once it is confirmed."""
    by_url = {store.address.public_url: store for store in stores}
    plan = replace(plan, overrides=options.overrides)
    await _print_plan(plan, by_url, console, values)
    if not plan.conflicts:
        await _require_overridden(plan, by_url, console, values)
    if options.plan is not None and not plan.conflicts:
        options.plan.write_text(write_plan(plan), encoding="utf-8")
        console.print_note(f"written to {options.plan}; keyscope apply {options.plan} applies it")
        return ExitCode.SUCCESS
    if plan.conflicts:
        ways = {
            "--overwrite replaces values that differ": any(one.change is not None for one in plan.conflicts),
            "--ignore GLOB leaves keys out": any(one.change is None for one in plan.conflicts),
        }
        console.print_note(f"keyscope: nothing was changed: {', '.join(way for way, helps in ways.items() if helps)}")
        return ExitCode.CONFLICT
    if options.dry_run or not await _confirm(plan, console, yes=options.yes):
        return ExitCode.SUCCESS
    return await _apply(plan, by_url, console, values, resume=False)


async def apply(
    options: arguments.ApplyArguments, open_store: Callable[[PlanPart], Store], console: Console, values: ValueDiff
) -> int:
    """Apply the plan of a file, or with its ID one that was begun.

    Raises:
        InvalidPlan: It is no plan, is not guarded, has conflicts, or is for another store.
        Conflict: A key is not as the plan says.
    """
    plan = None if options.plan.exists() else _plan_folder().read(str(options.plan))
    if plan is None:
        plan = read_plan(_decoded(options.plan.read_bytes(), options.plan), str(options.plan))
    plan.require_applicable()
    plan = replace(plan, overrides=tuple(dict.fromkeys((*plan.overrides, *options.overrides))))
    async with _opened(plan, open_store) as stores:
        await _print_plan(plan, stores, console, values)
        await _require_overridden(plan, stores, console, values)
        if options.dry_run:
            return await _print_moved(plan, stores, console)
        if not await _confirm(plan, console, yes=options.yes):
            return ExitCode.SUCCESS
        return await _apply(plan, stores, console, values, resume=options.resume)


def _decoded(data: bytes, file: Path) -> str:
    """Return the text of a plan file; an editor may have written another encoding, whose values are not guessed."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidPlan(f"{file}: not UTF-8 (byte {error.start})", hint="save it as UTF-8") from error


async def undo(
    options: arguments.UndoArguments, open_store: Callable[[PlanPart], Store], console: Console, values: ValueDiff
) -> int:
    """Take back what a plan did; the exit code is that of a conflict if others changed keys since, which stay.

    Raises:
        InvalidPlan: There is no such plan, or it is taken back already.
    """
    kept = _plan_folder()
    plan = kept.plan_to_undo(options.id)
    async with _opened(plan, open_store) as stores:
        if not plan.undoes or kept.is_finished(plan):
            with kept.progress(plan) as progress:
                plan = await undo_of(plan, stores, progress)
        await _print_plan(plan, stores, console, values)
        if options.dry_run:
            return await _print_moved(plan, stores, console)
        if not await _confirm(plan, console, yes=options.yes):
            return ExitCode.SUCCESS
        return await _apply(plan, stores, console, values, resume=True)


@asynccontextmanager
async def _opened(plan: Plan, open_store: Callable[[PlanPart], Store]) -> AsyncGenerator[Mapping[str, Store], None]:
    """Open the stores of a plan's parts.

    Raises:
        InvalidPlan: The profile of a part is that of another store today.
    """
    async with AsyncExitStack() as stack:
        stores: dict[str, Store] = {}
        for part in plan.parts:
            if part.store in stores:
                continue
            store = open_store(part)
            if store.address.public_url != part.store:
                raise InvalidPlan(
                    f"the plan is for {part.store}, and the profile {part.profile} is for another store",
                    address=store.redacted,
                )
            stores[part.store] = await stack.enter_async_context(store)
        yield stores


async def _apply(plan: Plan, stores: Mapping[str, Store], console: Console, values: ValueDiff, *, resume: bool) -> int:
    """Apply a plan; however it ends, say how far it came, how it goes on, and how it is taken back."""
    for part in plan.parts:
        require_reason(stores[part.store].profile, current_write_reason())
    kept = _plan_folder()
    kept.save(plan)
    with kept.progress(plan) as progress:
        if progress.undone_by:
            raise InvalidPlan(f"the plan {plan.id} was taken back", hint="make a new plan")
        if progress.resumed and not resume:
            raise UsageError(f"the plan {plan.id} was begun before", hint="add --resume to go on, or make a new plan")
        application = Application(plan, stores, progress, values.violations)
        try:
            with console.progress():
                async with aclosing(application.run()) as changes:
                    async for _ in changes:
                        pass
        except (ExplorerError, asyncio.CancelledError) as error:
            why = "interrupted, " if isinstance(error, asyncio.CancelledError) else ""
            if why or kept.record(plan).may_have_done:
                console.print_note(f"keyscope: {why}{application.summary}: {_resume_hint(plan)} goes on")
            if not plan.undoes:  # an undo that is not finished goes on by the same command
                _print_undo(plan, application, console)
            raise
        _print_undo(plan, application, console)
        for conflict in application.summary.conflicts:
            console.print_note(f"keyscope: {shown_key(conflict.key)}: {conflict.reason}; it stays as it is")
    return ExitCode.CONFLICT if application.summary.conflicts else ExitCode.SUCCESS


def _resume_hint(plan: Plan) -> str:
    return f"keyscope undo {plan.id}" if plan.undoes else f"keyscope apply {plan.id} --resume"


def _print_undo(plan: Plan, application: Application, console: Console) -> None:
    done = application.summary.done
    if not done:
        return
    if console.json:
        console.print_record({"undo": plan.id})
    else:
        back = f"keyscope undo {plan.id} takes {'it' if done == 1 else 'them'} back"
        console.print_note(f"{pluralize(done, 'change')} done; {back}")


async def _print_moved(plan: Plan, stores: Mapping[str, Store], console: Console) -> int:
    """Print the keys that are not as the plan says, but for changes that are done or were sent.

    The exit code is that of a conflict if there are any.
    """
    record = _plan_folder().record(plan)
    if record.done:
        console.print_note(f"keyscope: {len(record.done):,} of {pluralize(len(plan), 'change')} done before")
    moved: list[OmittedKey] = []
    for number, part in enumerate(plan.parts):
        left = [
            change
            for index, change in enumerate(part.changes)
            if (place := ChangeIndex(number, index)) not in record.done and place not in record.begun
        ]
        moved += await moved_keys(replace(part, changes=tuple(left)), stores[part.store])
    for one in moved:
        console.print_note(f"keyscope: {shown_key(one.key)}: {one.reason}")
    return ExitCode.CONFLICT if moved else ExitCode.SUCCESS


async def _print_plan(plan: Plan, stores: Mapping[str, Store], console: Console, values: ValueDiff) -> None:
    """Print one line for each key, what an update changes, and notes about what is left out."""
    for part in plan.parts:
        for change in part.changes:
            _print_change(change.key, change.action, console)
            if change.remark:
                console.print_note(f"keyscope: {change.key}: {change.remark}")
            if change.action is PlanAction.UPDATE:
                await values.print(stores[part.store], change.key, change.old, change.new, masked=change.masked)
    for key in plan.same:
        _print_change(key, PlanAction.SAME, console)
    for conflict in plan.conflicts:
        _print_change(conflict.key, PlanAction.CONFLICT, console)
        if (now := conflict.change) is not None:
            await values.print(stores.get(conflict.store), now.key, now.old, now.new, masked=now.masked)
        else:
            console.print_note(f"keyscope: {shown_key(conflict.key)}: {conflict.reason}")
    for part in plan.parts:
        if part.directories:
            names = ", ".join(f"{name}{stores[part.store].separator}" for name in part.directories)
            console.print_note(f"deleted if they are left empty: {names}")
    for omitted in plan.omitted:
        console.print_note(f"keyscope: {shown_key(omitted.key)}: {omitted.reason}")


async def _require_overridden(plan: Plan, stores: Mapping[str, Store], console: Console, values: ValueDiff) -> None:
    """Print the constraints that the values of a plan break.

    Raises:
        ConstraintViolated: The plan does not override one.
    """
    violations = await plan_violations(plan, stores, values.violations)
    for one in violations:
        print_violation(stores[one.store], one.key, one.violation, console)
    if names := blocking_constraints(plan, violations):
        raise broken_constraints(names)


def _print_change(key: str, action: PlanAction, console: Console) -> None:
    if console.json:
        console.print_record({"key": key, "change": action.value})
    else:
        console.print_line(f"{action.value:8}  {shown_key(key)}")


async def _confirm(plan: Plan, console: Console, *, yes: bool) -> bool:
    """Return whether a plan is to be applied; one that changes nothing is not.

    Raises:
        UsageError: There is no terminal to ask at.
    """
    if not len(plan):
        console.print_note("nothing to change")
        return False
    counts = Counter(change.action for change in plan)
    summary = ", ".join(f"{count} to {action.value}" for action, count in counts.items())
    if yes:
        return True
    if not console.is_interactive:
        raise UsageError(f"{summary}: this needs confirmation, and there is no terminal to ask at", hint="add --yes")
    console.print_note(f"{plan.title}: {summary}")
    if await console.prompt("Apply it? [y/N]") in ("y", "Y", "yes"):
        return True
    console.print_note("nothing was changed")
    return False


def _plan_folder() -> PlanFolder:
    return PlanFolder(folder("state") / "plans")
