"""The verbs for many keys: `diff`, and `copy`, `move`, `apply` and `undo`, which make and apply plans."""

from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from explorer.cli import arguments
from explorer.cli.argument_types import require_reason
from explorer.cli.console import Console
from explorer.cli.exit_codes import ExitCode, UsageError
from explorer.cli.value_diff import ValueDiff
from explorer.cli.verbs.check import broken_constraints, print_violation
from explorer.config import folder
from explorer.drivers.base import Store
from explorer.model.errors import Conflict, InvalidPlan, InvalidText, OutcomeUnknown
from explorer.model.keys import directory
from explorer.model.sanitize import pluralize
from explorer.model.write_reason import current_write_reason
from explorer.plans.application import Application, moved_keys, undo_plan
from explorer.plans.constraint_check import blocking_constraints, plan_violations
from explorer.plans.copy import CopyPlanner
from explorer.plans.differences import Difference, DifferenceKind, differences
from explorer.plans.formats import WHOLE_KEY_FORMATS, read, write
from explorer.plans.plan import Plan, PlanAction, PlanPart
from explorer.plans.plan_file import read_plan, write_plan
from explorer.plans.plan_folder import PlanFolder, Progress
from explorer.plans.restore import restore_key, restore_prefix
from explorer.plans.search import replace_plan
from explorer.plans.side import FileSide, PlanSide

_SIGNS: Final = {DifferenceKind.ONLY_LEFT: "<", DifferenceKind.ONLY_RIGHT: ">", DifferenceKind.CHANGED: "~"}
"""Signs of the differences in a line."""


async def diff(
    left: PlanSide, right: PlanSide, options: arguments.DiffArguments, console: Console, values: ValueDiff
) -> int:
    """Print the keys that differ between two sides, and how; the exit code is 1 if there are any."""
    count = 0
    async with aclosing(left.entries()) as one, aclosing(right.entries()) as other:
        async for difference in differences(one, other):
            if _is_left_out(difference, options):
                continue
            count += 1
            _print_difference(difference, console)
            if (one_entry := difference.left) is not None and (other_entry := difference.right) is not None:
                await values.print(right.store, right.key(difference.key), one_entry.value, other_entry.value)
    return ExitCode.FAILURE if count else ExitCode.SUCCESS


def _is_left_out(difference: Difference, options: arguments.DiffArguments) -> bool:
    if difference.kind is DifferenceKind.SAME or (options.keys_only and difference.kind is DifferenceKind.CHANGED):
        return True
    return any(fnmatchcase(difference.key, pattern) for pattern in options.ignored)


def _print_difference(difference: Difference, console: Console) -> None:
    if console.json:
        console.print_record({"key": difference.key, "change": difference.kind.value})
    else:
        console.print_line(f"{_SIGNS[difference.kind]} {difference.key}")


async def copy(
    source: PlanSide, target: PlanSide, options: arguments.CopyArguments, console: Console, values: ValueDiff
) -> int:
    """Plan a copy or a move, print it, and apply it once it is confirmed."""
    is_move = isinstance(options, arguments.MoveArguments)
    title = f"{'move' if is_move else 'copy'} {source.store.redacted} to {target.store.redacted}"
    plan = await CopyPlanner(source, target, overwrite=options.overwrite, move=is_move).plan(title)
    return await _review(plan, [source.store, target.store], options, console, values)


async def export(store: Store, options: arguments.ExportArguments, console: Console) -> None:
    """Print the entries below the address of a store; JSON lines as they are read."""
    async with aclosing(PlanSide(store).entries()) as entries:
        if options.form == "jsonl":
            async for entry in entries:
                console.write_bytes("".join(write(options.form, [entry])).encode())
            return
        path = directory(store.root_path, store.separator) if options.form in WHOLE_KEY_FORMATS else ""
        found = [entry._replace(key=path + entry.key) async for entry in entries]
    for part in write(options.form, found, store.separator):
        console.write_bytes(part.encode("utf-8", "surrogateescape"))


async def import_file(target: PlanSide, options: arguments.ImportArguments, console: Console, values: ValueDiff) -> int:
    """Plan the entries of a file below a prefix, print what changes, and apply it once it is confirmed."""
    store = target.store
    target = replace(target, prefix=directory(options.prefix, store.separator))
    text = options.file.read_text(encoding="utf-8")
    try:
        entries = read(text, store.separator, form=options.form)
    except InvalidText as error:
        raise InvalidText(f"{options.file}: {error.message}", hint=error.hint, key=error.key) from error
    source = FileSide(str(options.file), entries)
    planner = CopyPlanner(source, target, overwrite=options.overwrite, prune=options.prune)
    plan = await planner.plan(f"import {options.file.name} to {target.name}")
    return await _review(plan, [store], options, console, values)


async def replace_text(side: PlanSide, options: arguments.ReplaceArguments, console: Console, values: ValueDiff) -> int:
    """Plan the replacement of a text in all values below a prefix, and apply it once it is confirmed."""
    side = replace(side, prefix=directory(options.prefix, side.store.separator))
    plan = await replace_plan(side, options.old, options.new, regex=options.regex)
    return await _review(plan, [side.store], options, console, values)


async def restore(
    earlier: Store, side: PlanSide, options: arguments.RestoreArguments, console: Console, values: ValueDiff
) -> int:
    """Plan what brings back a key or a prefix, and apply it once it is confirmed.

    Raises:
        KeyNotFound: There was nothing, and there is nothing.
    """
    store = side.store
    title = f"restore {options.key!r} in {store.redacted} to revision {options.to}"
    plan = None
    if options.key and not options.key.endswith(store.separator):
        plan = await restore_key(earlier, side, options.key, title)
    if plan is None:
        below = replace(side, prefix=directory(options.key, store.separator))
        plan = await restore_prefix(earlier, below, title)
    return await _review(plan, [store], options, console, values)


async def _review(
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
        console.print_note("keyscope: nothing was changed: --overwrite replaces values that differ")
        return ExitCode.CONFLICT
    if options.dry_run or not await _confirm(plan, console, yes=options.yes):
        return ExitCode.SUCCESS
    return await _apply(plan, by_url, console, values, resume=False)


async def apply(
    options: arguments.ApplyArguments, open_store: Callable[[PlanPart], Store], console: Console, values: ValueDiff
) -> int:
    """Apply the plan of a file.

    Raises:
        InvalidPlan: It is no plan, is not guarded, has conflicts, or is for another store.
        Conflict: A key is not as the plan says.
    """
    plan = read_plan(options.plan.read_text(encoding="utf-8", errors="replace"), str(options.plan))
    return await _apply_opened(plan, open_store, console, values, options)


async def undo(
    options: arguments.UndoArguments, open_store: Callable[[PlanPart], Store], console: Console, values: ValueDiff
) -> int:
    """Take back what a plan did.

    Raises:
        InvalidPlan: There is no such plan, or it is taken back already.
        Conflict: A key was changed since; the keys before it are taken back.
    """
    return await _apply_opened(_plan_to_undo(options.id), open_store, console, values, options)


async def _apply_opened(
    plan: Plan,
    open_store: Callable[[PlanPart], Store],
    console: Console,
    values: ValueDiff,
    options: arguments.ApplyArguments | arguments.UndoArguments,
) -> int:
    plan.require_applicable()
    if isinstance(options, arguments.ApplyArguments):
        plan = replace(plan, overrides=tuple(dict.fromkeys((*plan.overrides, *options.overrides))))
    async with _opened(plan, open_store) as stores:
        await _print_plan(plan, stores, console, values)
        await _require_overridden(plan, stores, console, values)
        if options.dry_run:
            return await _print_moved(plan, stores, console)
        if not await _confirm(plan, console, yes=options.yes):
            return ExitCode.SUCCESS
        resume = isinstance(options, arguments.UndoArguments) or options.resume
        return await _apply(plan, stores, console, values, resume=resume)


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
    """Apply a plan, print what is left when it stops, and the ID of the plan that takes it back."""
    for part in plan.parts:
        require_reason(stores[part.store].profile, current_write_reason())
    kept = PlanFolder(_plan_folder())
    kept.save(plan)
    with kept.progress(plan) as progress:
        if progress.resumed and not resume:
            raise UsageError(f"the plan {plan.id} was begun before", hint="add --resume to go on, or make a new plan")
        try:
            async with aclosing(Application(plan, stores, progress, values.violations).run()) as changes:
                async for _ in changes:
                    pass
        except (Conflict, OutcomeUnknown):
            _print_undo(plan, kept, progress, console)
            raise
        _print_undo(plan, kept, progress, console)
    return ExitCode.SUCCESS


def _print_undo(plan: Plan, kept: PlanFolder, progress: Progress, console: Console) -> None:
    back = undo_plan(plan, progress)
    if not len(back):
        return
    kept.save(back)
    if console.json:
        console.print_record({"undo": back.id})
    else:
        console.print_note(f"{pluralize(len(back), 'change')} done; keyscope undo {back.id} takes them back")


async def _print_moved(plan: Plan, stores: Mapping[str, Store], console: Console) -> int:
    """Print the keys that are not as the plan says; the exit code is that of a conflict if there are any."""
    moved = [one for part in plan.parts for one in await moved_keys(part, stores[part.store])]
    for one in moved:
        console.print_note(f"keyscope: {one.key!r}: {one.reason}")
    return ExitCode.CONFLICT if moved else ExitCode.SUCCESS


async def _print_plan(plan: Plan, stores: Mapping[str, Store], console: Console, values: ValueDiff) -> None:
    """Print one line for each key, what an update changes, and notes about what is left out."""
    for part in plan.parts:
        for change in part.changes:
            _print_change(change.key, change.action, console)
            if change.action is PlanAction.UPDATE:
                await values.print(stores[part.store], change.key, change.old, change.new)
    for key in plan.same:
        _print_change(key, PlanAction.SAME, console)
    for conflict in plan.conflicts:
        _print_change(conflict.key, PlanAction.CONFLICT, console)
    for omitted in plan.omitted:
        console.print_note(f"not copied: {omitted.key}: {omitted.reason}")


async def _require_overridden(plan: Plan, stores: Mapping[str, Store], console: Console, values: ValueDiff) -> None:
    """Print the constraints that the values of a plan break.

    Raises:
        ConstraintViolated: The plan does not override one.
    """
    violations = await plan_violations(plan, stores, values.violations)
    for one in violations:
        print_violation(one.key, one.violation, console)
    if names := blocking_constraints(plan, violations):
        raise broken_constraints(names)


def _print_change(key: str, action: PlanAction, console: Console) -> None:
    if console.json:
        console.print_record({"key": key, "change": action.value})
    else:
        console.print_line(f"{action.value:8}  {key}")


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


def _plan_folder() -> Path:
    return folder("state") / "plans"


def _plan_to_undo(identity: str | None) -> Plan:
    """Return the plan that takes back the one of an ID, which may be its own; without an ID, the newest.

    Without an ID, what was taken back stays taken back: undoing an undo needs its ID.
    """
    kept = PlanFolder(_plan_folder())
    plans = [plan for name in kept.list_plans() if (plan := kept.read(name)) is not None]
    undos = {plan.id for plan in plans if plan.undoes}
    for plan in plans:
        if plan.undoes and (
            identity in (plan.id, plan.undoes) if identity else plan.undoes not in undos and not kept.was_begun(plan.id)
        ):
            return plan
    raise InvalidPlan(
        "there is nothing to take back" if identity is None else f"no applied plan has the ID {identity!r}",
        hint="copy, move and apply print the ID when they are done",
    )
