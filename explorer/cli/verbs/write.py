"""The verb `put`."""

from explorer.cli.arguments import PutArguments
from explorer.cli.console import Console
from explorer.cli.decoder import ValueDecoder
from explorer.cli.output import entry_record
from explorer.cli.verbs.check import broken_constraints, masked
from explorer.drivers.base import Store
from explorer.model.entries import Entry
from explorer.model.errors import Conflict, ExplorerError
from explorer.model.write_reason import override_reason, write_reason


async def put(store: Store, options: PutArguments, decoder: ValueDecoder, console: Console) -> None:
    """Write an entry and print its new revision; without a guard, only create it.

    Raises:
        KeyExists: The key exists, and neither a revision nor --force was given.
        KeyModified: The key is not at the given revision.
        InvalidText: The text is not a message of the given type.
        SchemaFailed: A schema is invalid.
        ConstraintViolated: The value breaks a constraint that was not overridden.
        OSError: The file with the value cannot be read.
    """
    value = await _read_value(options, console)
    if options.type is not None:
        value = await decoder.encode(options, options.type, value)
    violations = await decoder.violations(options, value)
    for violation in violations:
        console.print_note(f"keyscope: {options.key}: {masked(store, options.key, violation)}")
    broken = list(dict.fromkeys(one.constraint for one in violations))
    if blocking := [name for name in broken if name not in options.overrides]:
        raise broken_constraints(blocking)
    try:
        with write_reason(override_reason(broken)):
            entry = await _write(store, options, value)
    except Conflict as error:
        raise await _with_current_revision(store, options.key, error) from error
    if console.json:
        console.print_record(entry_record(entry, values=False))
    else:
        console.print_line(str(entry.revision))


async def _read_value(options: PutArguments, console: Console) -> bytes:
    if options.value is not None:
        return options.value
    if options.file is not None:
        return options.file.read_bytes()
    return await console.read_stdin()


async def _write(store: Store, options: PutArguments, value: bytes) -> Entry:
    if options.force:
        return await store.put(options.key, value, ttl=options.ttl)
    return await store.atomic_put(options.key, value, options.if_revision, ttl=options.ttl)


async def _with_current_revision(store: Store, key: str, error: Conflict) -> Conflict:
    """Return the error with the current revision in its hint, if the key can be read."""
    try:
        revision = (await store.get(key)).revision
    except ExplorerError:
        return error
    hint = f"read it, then use --if-revision {revision}, or --force to replace any value"
    return type(error)(error.message, hint=hint, address=error.address, key=error.key)
