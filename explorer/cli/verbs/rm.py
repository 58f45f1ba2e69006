"""The verb `rm`."""

from contextlib import aclosing
from dataclasses import dataclass

from explorer.cli import arguments
from explorer.cli.console import Console
from explorer.cli.exit_codes import UsageError
from explorer.cli.output import Record, preview
from explorer.drivers.base import Store
from explorer.model.capabilities import Capability
from explorer.model.entries import Revision
from explorer.model.errors import KeyModified, KeyNotFound
from explorer.model.keys import directory
from explorer.model.sanitize import pluralize
from explorer.session.editing.deletion import subtree_pages


async def rm(store: Store, options: arguments.RmArguments, console: Console) -> None:
    """Delete an entry, or everything below a prefix; ask first, unless `--yes` or a revision confirms it.

    Raises:
        KeyNotFound: There is nothing to delete.
        KeyModified: Something changed since the given or shown revision; nothing was deleted.
        UsageError: There is no terminal to ask for confirmation.
    """
    if options.recursive:
        await _delete_tree(store, options, console)
    else:
        await _delete_entry(store, options, console)


async def _delete_entry(store: Store, options: arguments.RmArguments, console: Console) -> None:
    if options.if_revision is not None:
        await store.atomic_delete(options.key, options.if_revision)
    elif options.yes:
        await store.delete(options.key)
    else:
        _require_terminal(console, f"deleting {options.key!r}", "add --yes, or --if-revision with its revision")
        entry = await store.get(options.key)
        console.print_note(
            f"{entry.key}  at {entry.revision}  {pluralize(len(entry.value or b''), 'byte')}  {preview(entry.value)}"
        )
        if await console.prompt("Delete it? [y/N]") not in ("y", "Y", "yes"):
            console.print_note("nothing was deleted")
            return
        if Capability.ATOMIC in store.capabilities:
            await store.atomic_delete(options.key, entry.revision)
        else:
            await store.delete(options.key)
    _print_result(console, {"key": options.key, "deleted": 1}, f"deleted {options.key}")


@dataclass(frozen=True, slots=True)
class _TreePreview:
    """The entries that a recursive deletion would delete."""

    place: str
    count: int
    revision: Revision | None

    def __str__(self) -> str:
        moment = "" if self.revision is None else f" at revision {self.revision}"
        return f"{pluralize(self.count, 'entry', 'entries')} below {self.place}{moment}"


async def _delete_tree(store: Store, options: arguments.RmArguments, console: Console) -> None:
    prefix = directory(options.key, store.separator)
    guard = options.if_revision
    if not options.yes and (guard is None or not prefix):
        tree = await _preview_tree(store, prefix)
        is_guarded = Capability.GUARDED_DELETE in store.capabilities
        hint = f"add --yes, or --if-revision {tree.revision}" if prefix and is_guarded else "add --yes"
        _require_terminal(console, f"deleting {tree}", hint)
        if guard is None and is_guarded:
            guard = tree.revision
        console.print_note(f"this deletes {tree}")
        word = _confirmation_word(prefix, store.separator) if prefix else store.address.redacted
        if await console.prompt(f"Type {word} to confirm:") != word:
            console.print_note("nothing was deleted")
            return
    try:
        count = await store.delete_tree(prefix, guard=guard)
    except KeyModified as error:
        hint = "nothing was deleted: check again, and use the new revision"
        raise KeyModified(error.message, hint=hint, address=error.address, key=error.key) from error
    _print_result(console, {"prefix": prefix, "deleted": count}, f"deleted {count} below {_place(store, prefix)}")


async def _preview_tree(store: Store, prefix: str) -> _TreePreview:
    count = 0
    revision: Revision | None = None
    async with aclosing(subtree_pages(store, prefix)) as pages:
        async for page in pages:
            revision = page.revision if revision is None else revision
            count += len(page.items)
    if not count:
        raise KeyNotFound("nothing below this prefix", hint="without --recursive the key itself is deleted", key=prefix)
    return _TreePreview(_place(store, prefix), count, revision)


def _place(store: Store, prefix: str) -> str:
    return repr(prefix) if prefix else store.address.redacted


def _confirmation_word(prefix: str, separator: str) -> str:
    """Return the last name of a prefix, which a person types to confirm; the whole prefix if that name is blank."""
    name = prefix.removesuffix(separator).rpartition(separator)[2]
    return name if name and name == name.strip() else prefix


def _require_terminal(console: Console, operation: str, hint: str) -> None:
    if not console.is_interactive:
        raise UsageError(f"{operation} needs confirmation, and there is no terminal to ask at", hint=hint)


def _print_result(console: Console, record: Record, line: str) -> None:
    if console.json:
        console.print_record(record)
    else:
        console.print_line(line)
