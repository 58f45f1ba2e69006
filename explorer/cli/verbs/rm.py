"""The verb that deletes: rm. It deletes what a person was shown, or what a script named without doubt."""

from dataclasses import dataclass

from explorer.cli import arguments
from explorer.cli.console import Console
from explorer.cli.exit_codes import UsageError
from explorer.cli.output import Record, preview
from explorer.drivers.base import Store
from explorer.model.capabilities import Capability
from explorer.model.entries import Cursor, Revision
from explorer.model.errors import KeyModified, KeyNotFound
from explorer.model.keys import directory
from explorer.model.sanitize import pluralize


async def rm(store: Store, wanted: arguments.Rm, console: Console) -> None:
    """Delete an entry, or everything below a prefix; ask before, unless `--yes` or a revision says that it is meant.

    Raises:
        KeyNotFound: There is nothing.
        KeyModified: It changed since the revision that was named or shown; nothing was deleted.
        UsageError: There is nobody to ask.
    """
    if wanted.recursive:
        await _rm_tree(store, wanted, console)
    else:
        await _rm_entry(store, wanted, console)


async def _rm_entry(store: Store, wanted: arguments.Rm, console: Console) -> None:
    if wanted.if_revision is not None:
        await store.atomic_delete(wanted.key, wanted.if_revision)
    elif wanted.yes:
        await store.delete(wanted.key)
    else:
        _require_person(console, f"deleting {wanted.key!r}", "add --yes, or --if-revision with its revision")
        entry = await store.get(wanted.key)
        console.note(
            f"{entry.key}  at {entry.revision}  {pluralize(len(entry.value or b''), 'byte')}  {preview(entry.value)}"
        )
        if await console.ask("Delete it? [y/N]") not in ("y", "Y", "yes"):
            console.note("nothing was deleted")
            return
        if Capability.ATOMIC in store.capabilities:
            await store.atomic_delete(wanted.key, entry.revision)
        else:
            await store.delete(wanted.key)
    _tell(console, {"key": wanted.key, "deleted": 1}, f"deleted {wanted.key}")


@dataclass(frozen=True, slots=True)
class _Preview:
    """What a recursive delete would delete."""

    place: str
    count: int
    revision: Revision | None

    def __str__(self) -> str:
        moment = "" if self.revision is None else f" at revision {self.revision}"
        return f"{self.count} {'entry' if self.count == 1 else 'entries'} below {self.place}{moment}"


async def _rm_tree(store: Store, wanted: arguments.Rm, console: Console) -> None:
    prefix = directory(wanted.key, store.separator)
    guard = wanted.if_revision
    if not wanted.yes and (guard is None or not prefix):
        shown = await _preview(store, prefix)
        hint = f"add --yes, or --if-revision {shown.revision}" if prefix else "add --yes"
        _require_person(console, f"deleting {shown}", hint)
        if guard is None and Capability.GUARDED_DELETE in store.capabilities:
            guard = shown.revision
        console.note(f"this deletes {shown}")
        asked = _last_name(prefix, store.separator) if prefix else store.address.redacted
        if await console.ask(f"To go on, type {asked}:") != asked:
            console.note("nothing was deleted")
            return
    try:
        count = await store.delete_tree(prefix, guard=guard)
    except KeyModified as error:
        hint = "nothing was deleted: look again, and name the new revision"
        raise KeyModified(error.message, hint=hint, address=error.address, key=error.key) from error
    _tell(console, {"prefix": prefix, "deleted": count}, f"deleted {count} below {_place(store, prefix)}")


async def _preview(store: Store, prefix: str) -> _Preview:
    after: Cursor | None = None
    count, revision = 0, None
    while True:
        page = await store.list(prefix, after=after, values=False)
        revision = page.revision if after is None else revision
        count += len(page.items)
        after = page.next
        if after is None:
            break
    if not count:
        raise KeyNotFound("nothing is below it", hint="without --recursive the key itself is deleted", key=prefix)
    return _Preview(_place(store, prefix), count, revision)


def _place(store: Store, prefix: str) -> str:
    return repr(prefix) if prefix else store.address.redacted


def _last_name(prefix: str, separator: str) -> str:
    """Give what a person types to show which prefix is meant: its last name, or all of it where that name is blank."""
    name = prefix.removesuffix(separator).rpartition(separator)[2]
    return name if name and name == name.strip() else prefix


def _require_person(console: Console, what: str, hint: str) -> None:
    if not console.interactive:
        raise UsageError(f"{what} needs a yes, and there is no terminal to ask at", hint=hint)


def _tell(console: Console, record: Record, line: str) -> None:
    if console.json:
        console.record(record)
    else:
        console.line(line)
