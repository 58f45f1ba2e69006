"""The verb that writes: put."""

from explorer.cli import arguments
from explorer.cli.console import Console
from explorer.cli.decoder import Decoding
from explorer.cli.output import entry_record
from explorer.drivers.base import Store
from explorer.model.entries import Entry
from explorer.model.errors import Conflict, ExplorerError


async def put(store: Store, wanted: arguments.Put, decoding: Decoding, console: Console) -> None:
    """Write an entry and print its new revision. Without a guard it is created, and what exists is left alone.

    Raises:
        KeyExists: It was to be created and exists.
        KeyModified: It is not at the revision that was named.
        InvalidText: It is the text of a message, and not of the one that was named.
        SchemaFailed: A schema cannot be used.
        OSError: The file with the value cannot be read.
    """
    value = await _value(wanted, console)
    if wanted.type is not None:
        value = await decoding.encoded(wanted, wanted.type, value)
    try:
        entry = await _put(store, wanted, value)
    except Conflict as error:
        raise await _explained(store, wanted, error) from error
    if console.json:
        console.record(entry_record(entry, values=False))
    else:
        console.line(str(entry.revision))


async def _value(wanted: arguments.Put, console: Console) -> bytes:
    if wanted.value is not None:
        return wanted.value
    if wanted.file is not None:
        return wanted.file.read_bytes()
    return await console.read_input()


async def _put(store: Store, wanted: arguments.Put, value: bytes) -> Entry:
    if wanted.force:
        return await store.put(wanted.key, value, ttl=wanted.ttl)
    return await store.atomic_put(wanted.key, value, wanted.if_revision, ttl=wanted.ttl)


async def _explained(store: Store, wanted: arguments.Put, error: Conflict) -> Conflict:
    """Name the revision of now, which is what the person needs to go on."""
    try:
        revision = (await store.get(wanted.key)).revision
    except ExplorerError:
        return error
    hint = f"read it, then replace it with --if-revision {revision}, or with --force whatever it is"
    return type(error)(error.message, hint=hint, address=error.address, key=error.key)
