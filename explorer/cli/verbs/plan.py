"""The verbs for many keys that compare, or make a plan: `diff`, `copy`, `move`, `export`, `import` and others."""

from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Final

from explorer.cli import arguments
from explorer.cli.console import Console
from explorer.cli.exit_codes import ExitCode, UsageError
from explorer.cli.output import shown_key
from explorer.cli.value_diff import ValueDiff
from explorer.cli.verbs.apply import review
from explorer.drivers.base import Store
from explorer.journal import Journal
from explorer.model.keys import directory
from explorer.plans.copy import CopyPlanner
from explorer.plans.differences import Difference, DifferenceKind, differences
from explorer.plans.formats import WHOLE_KEY_FORMATS, write
from explorer.plans.meter import Meter
from explorer.plans.replacement import Replacement, replace_plan
from explorer.plans.restore import restore_key, restore_prefix
from explorer.plans.restore_time import restore_to_time
from explorer.plans.side import FileSide, PlanSide, Side, is_masked, spelled_like, whole_entries
from explorer.plans.side_opener import read_file

_SIGNS: Final = {DifferenceKind.ONLY_LEFT: "<", DifferenceKind.ONLY_RIGHT: ">", DifferenceKind.CHANGED: "~"}
"""Signs of the differences in a line."""


async def diff(left: Side, right: Side, options: arguments.DiffArguments, console: Console, values: ValueDiff) -> int:
    """Print the keys that differ between two sides, and how; the exit code is 1 if there are any."""
    right = spelled_like(right, left)
    count = 0
    meter = Meter("compared")
    empty = {left.name, right.name}
    with console.progress():
        async with aclosing(left.pages()) as one, aclosing(right.pages()) as other:
            async for page in differences(one, other):
                meter.add(len(page))
                for difference in page:
                    if empty:
                        empty -= {
                            side.name for side, entry in ((left, difference.left), (right, difference.right)) if entry
                        }
                    if _is_left_out(difference, options):
                        continue
                    count += 1
                    _print_difference(left.shown(difference.key), difference.kind, console)
                    if (before := difference.left) is not None and (after := difference.right) is not None:
                        side = _compared_by(left, right, difference.key)
                        store = side.store if isinstance(side, PlanSide) else None
                        await values.print(store, side.key(difference.key), before.value, after.value)
    for name in sorted(empty):
        console.print_note(f"keyscope: there is nothing at {name}")
    return ExitCode.FAILURE if count else ExitCode.SUCCESS


def _compared_by(left: Side, right: Side, key: str) -> Side:
    """Return the side whose rules and masks are used for a key: the left one if it masks it or the other is a file."""
    return left if isinstance(right, FileSide) or is_masked(left, key) else right


def _is_left_out(difference: Difference, options: arguments.DiffArguments) -> bool:
    if difference.kind is DifferenceKind.SAME or (options.keys_only and difference.kind is DifferenceKind.CHANGED):
        return True
    return any(fnmatchcase(difference.key, pattern) for pattern in options.ignored)


def _print_difference(key: str, kind: DifferenceKind, console: Console) -> None:
    if console.json:
        console.print_record({"key": key, "change": kind.value})
    else:
        console.print_line(f"{_SIGNS[kind]} {shown_key(key)}")


async def copy(
    source: Side, target: Side, options: arguments.CopyArguments, console: Console, values: ValueDiff
) -> int:
    """Plan a copy or a move, print it, and apply it once it is confirmed.

    Raises:
        UsageError: The target is a file, or the source of a move is one.
    """
    is_move = isinstance(options, arguments.MoveArguments)
    if isinstance(target, FileSide):
        raise UsageError(f"{target.name} is a file", hint="export writes a file; the target is a URL")
    if is_move and isinstance(source, FileSide):
        raise UsageError(f"{source.name} is a file, from which nothing is moved", hint="copy or import writes it")
    title = f"{'move' if is_move else 'copy'} {source.name} to {target.name}"
    with console.progress():
        planner = CopyPlanner(source, target, overwrite=options.overwrite, move=is_move, ignored=options.ignored)
        plan = await planner.plan(title)
    stores = [side.store for side in (source, target) if isinstance(side, PlanSide)]
    return await review(plan, stores, options, console, values)


async def export(side: Side, options: arguments.ExportArguments, console: Console) -> None:
    """Print the entries of a side; JSON lines as they are read."""
    meter = Meter("exported")
    store = side.store if isinstance(side, PlanSide) else None
    with console.progress():
        is_lossless = options.form == "jsonl"
        async with aclosing(whole_entries(side) if is_lossless else side.entries()) as entries:
            if is_lossless:
                async for entry in entries:
                    meter.add()
                    shown = entry._replace(key=side.shown(entry.key))
                    console.write_bytes("".join(write(options.form, [shown])).encode())
                return
            is_whole = options.form in WHOLE_KEY_FORMATS and store is not None
            path = directory(store.root_path, store.separator) if is_whole and store is not None else ""
            found = []
            async for entry in entries:
                meter.add()
                found.append(entry._replace(key=path + (side.key if is_whole else side.shown)(entry.key)))
    for part in write(options.form, found, "/" if store is None else store.separator):
        console.write_bytes(part.encode("utf-8", "surrogateescape"))


async def import_file(target: PlanSide, options: arguments.ImportArguments, console: Console, values: ValueDiff) -> int:
    """Plan the entries of a file below a prefix, print what changes, and apply it once it is confirmed."""
    store = target.store
    target = replace(target, prefix=directory(options.prefix, store.separator))
    source = read_file(str(options.file), store.separator, form=options.form)
    planner = CopyPlanner(source, target, overwrite=options.overwrite, prune=options.prune, ignored=options.ignored)
    with console.progress():
        plan = await planner.plan(f"import {options.file.name} to {target.name}")
    return await review(plan, [store], options, console, values)


async def replace_text(side: PlanSide, options: arguments.ReplaceArguments, console: Console, values: ValueDiff) -> int:
    """Plan the replacement of a text in all values below a prefix, and apply it once it is confirmed."""
    side = replace(side, prefix=directory(options.prefix, side.store.separator))
    replacement = Replacement(options.old, options.new, regex=options.regex)
    codecs = None if options.field is None else await values.codecs(side.store)
    with console.progress():
        plan = await replace_plan(side, replacement, field=options.field, codecs=codecs)
    return await review(plan, [side.store], options, console, values)


async def restore(
    earlier: Store, side: PlanSide, options: arguments.RestoreArguments, console: Console, values: ValueDiff
) -> int:
    """Plan what brings back a key or a prefix as of a revision, and apply it once it is confirmed.

    Raises:
        KeyNotFound: There was nothing, and there is nothing.
    """
    store = side.store
    title = f"restore {options.key!r} in {store.redacted} to revision {options.to}"
    plan = None
    with console.progress():
        if options.key and not options.key.endswith(store.separator):
            plan = await restore_key(earlier, side, options.key, title)
        if plan is None:
            below = replace(side, prefix=directory(options.key, store.separator))
            plan = await restore_prefix(earlier, below, title)
    return await review(plan, [store], options, console, values)


async def restore_time(
    side: PlanSide, when: datetime, options: arguments.RestoreArguments, console: Console, values: ValueDiff
) -> int:
    """Plan what brings back a key or a prefix as of a time by the journal, and apply it once it is confirmed.

    Raises:
        KeyNotFound: There is no such key, and the journal has none.
    """
    with console.progress():
        plan = await restore_to_time(side, options.key, when, Journal.default().records())
    return await review(plan, [side.store], options, console, values)
