"""A file store whose values are any text: the contract writes values that are no JSON."""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import replace

from explorer.drivers.base import PAGE_SIZE
from explorer.drivers.common.feed import Feed
from explorer.drivers.common.watch import Watch
from explorer.drivers.files.table.store import TableStore
from explorer.model.capabilities import Capability
from explorer.model.entries import NO_META, Cursor, Entry, Meta, Page, Revision
from explorer.model.events import Event, Put, Started
from explorer.model.operations import Operation, PutOperation


def quoted(value: bytes) -> bytes:
    """Return a text as a string of JSON, YAML and TOML; other bytes as they are."""
    try:
        return json.dumps(value.decode(), ensure_ascii=False).replace("\x7f", "\\u007f").encode()
    except UnicodeDecodeError:
        return value


def unquoted(entry: Entry) -> Entry:
    """Return an entry whose value is a JSON string with its text."""
    return entry if entry.value is None else entry._replace(value=json.loads(entry.value).encode())


class JsonTextWatch(Watch):
    async def __anext__(self) -> Event:
        match await super().__anext__():
            case Put(entry=entry) as event:
                return replace(event, entry=unquoted(entry))
            case Started(entry=Entry() as entry) as started:
                return replace(started, entry=unquoted(entry))
            case event:
                return event


class JsonTextStore(TableStore):
    """Mixin that writes each value as a JSON string."""

    async def get(self, key: str, *, consistent: bool = True) -> Entry:
        return unquoted(await super().get(key, consistent=consistent))

    async def list(
        self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE, values: bool = True
    ) -> Page[Entry]:
        page = await super().list(prefix, after=after, limit=limit, values=values)
        return replace(page, items=tuple(map(unquoted, page.items)))

    async def walk_pages(self, prefix: str, *, values: bool = True) -> AsyncGenerator[Sequence[Entry], None]:
        async for page in super().walk_pages(prefix, values=values):
            yield [unquoted(entry) for entry in page]

    async def put(
        self, key: str, value: bytes, *, ttl: float | None = None, is_dir: bool = False, keep_alive: bool = False
    ) -> Entry:
        text = value if is_dir and Capability.DIRECTORIES in self.capabilities else quoted(value)
        return unquoted(await super().put(key, text, ttl=ttl, is_dir=is_dir, keep_alive=keep_alive))

    async def atomic_put(
        self,
        key: str,
        value: bytes,
        previous: Entry | Revision | None,
        *,
        ttl: float | None = None,
        meta: Meta = NO_META,
    ) -> Entry:
        return unquoted(await super().atomic_put(key, quoted(value), previous, ttl=ttl, meta=meta))

    async def transact(self, operations: Sequence[Operation]) -> tuple[Entry | None, ...]:
        texts = [
            replace(each, value=quoted(each.value)) if isinstance(each, PutOperation) else each for each in operations
        ]
        return tuple(entry and unquoted(entry) for entry in await super().transact(texts))

    def _make_watch(self, subject: str, run: Callable[[Feed], Awaitable[None]]) -> Watch:
        return JsonTextWatch(self._tasks, run, name=f"watch of {subject}", address=self.redacted, key=subject)
