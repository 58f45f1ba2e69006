"""A store of a dict for trees: each page is read when the test says so, and arrives when the test says so.

No real store lets a test choose the moment at which a listing is read between two events.
"""

import asyncio
from contextvars import Context, copy_context
from dataclasses import dataclass, field

from explorer.model.entries import Child, Cursor, Entry, Page
from explorer.model.errors import Compacted, ExplorerError, KeyNotFound
from explorer.model.events import Deleted, Put
from explorer.model.keys import first_key
from explorer.model.progress import report_progress


def children(keys: set[str], prefix: str, separator: str = "/") -> list[Child]:
    """Return the children of a prefix in the order of the bytes of their first key, the naive way."""
    values: set[str] = set()
    folders: set[str] = set()
    for key in keys:
        if key.startswith(prefix):
            name, below, _ = key[len(prefix) :].partition(separator)
            (folders if below else values).add(name)
    found = [Child(name, prefix + name, name in values, name in folders) for name in values | folders]
    return sorted(found, key=lambda child: first_key(child.name, separator, has_value=child.has_value))


@dataclass(eq=False)
class Request:
    """A page that a tree asked for."""

    prefix: str
    after: Cursor | str | None
    limit: int
    answered: asyncio.Future[Page[Child]]
    before: str | None = None
    """Where a page of the children before a place ends, empty for the end of the level."""
    answer: Page[Child] | ExplorerError | None = None
    context: Context = field(default_factory=copy_context)

    def report(self, progress: str) -> None:
        """Report progress, as a store does while it reads."""
        self.context.run(report_progress, progress)


@dataclass
class Store:
    """Keys with their versions, what was done to them, and what a watch of them tells."""

    page: int = 3
    separator: str = "/"
    keys: dict[str, int] = field(default_factory=dict)
    done: list[Put | Deleted] = field(default_factory=list)
    events: list[Put | Deleted] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    compacted: int = 0
    asked: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)
    held: bool = False
    """True if pages wait until `read` and `arrive` are called; otherwise they come at once."""

    def put(self, key: str) -> None:
        self.keys[key] = self.keys.get(key, 0) + 1
        self._do(Put(Entry(key, b"", self.revision + 1, version=self.keys[key])))

    def delete(self, key: str) -> None:
        del self.keys[key]
        self._do(Deleted(key, self.revision + 1))

    def _do(self, event: Put | Deleted) -> None:
        self.done.append(event)
        self.events.append(event)

    @property
    def revision(self) -> int:
        """Number of changes."""
        return len(self.done)

    def state(self, revision: int) -> set[str]:
        """Return the keys at a revision."""
        keys: set[str] = set()
        for event in self.done[:revision]:
            match event:
                case Put(entry):
                    keys.add(entry.key)
                case Deleted(key):
                    keys.discard(key)
        return keys

    def take_events(self) -> list[Put | Deleted]:
        """Take the events that were not told yet."""
        events, self.events = self.events, []
        return events

    async def next_request(self, prefix: str = "") -> Request:
        """Wait until a page below a prefix is asked for."""
        while not (found := [request for request in self.requests if request.prefix.startswith(prefix)]):
            self.news.clear()
            await self.news.wait()
        return found[0]

    async def load(self, prefix: str, after: Cursor | str | None = None, limit: int = 1000) -> Page[Child]:
        self.asked += 1
        request = Request(prefix, after, min(limit, self.page), asyncio.get_running_loop().create_future())
        self.requests.append(request)
        self.news.set()
        if not self.held:
            self.read(request)
            self.arrive(request)
        return await request.answered

    async def load_before(
        self, prefix: str, before: str | None = None, after: str | None = None, limit: int = 1000
    ) -> Page[Child]:
        del after
        self.asked += 1
        request = Request(prefix, None, min(limit, self.page), asyncio.get_running_loop().create_future(), before or "")
        self.requests.append(request)
        self.news.set()
        if not self.held:
            self.read(request)
            self.arrive(request)
        return await request.answered

    def read(self, request: Request) -> None:
        """Let the store read what a request asks for."""
        try:
            request.answer = self._read(request)
        except ExplorerError as error:
            request.answer = error

    def arrive(self, request: Request) -> None:
        """Let the answer arrive."""
        self.requests.remove(request)
        if request.answered.done():
            return
        if isinstance(request.answer, Page):
            request.answered.set_result(request.answer)
        elif request.answer is not None:
            request.answered.set_exception(request.answer)

    def _read(self, request: Request) -> Page[Child]:
        after, revision = request.after, self.revision
        if isinstance(after, Cursor):
            revision = after.revision if isinstance(after.revision, int) else revision
            after = after.key
            if revision < self.compacted:
                raise Compacted("that revision is gone")
        keys = self.state(revision)
        found = children(keys, request.prefix, self.separator)
        if not found and request.prefix and request.prefix.removesuffix(self.separator) not in keys:
            raise KeyNotFound("nothing is there", key=request.prefix)
        if request.before is not None:
            end = request.before[len(request.prefix) :].encode("utf-8", "surrogateescape")
            firsts = {child: first_key(child.name, self.separator, has_value=child.has_value) for child in found}
            inside = [child for child in found if not request.before or firsts[child] < end]
            return Page(tuple(inside[-request.limit :]), None, revision)
        if after is not None:
            name = after[len(request.prefix) :]
            ended = name.encode("utf-8", "surrogateescape") + (b"\0" if after in keys else b"0")
            found = [
                child for child in found if first_key(child.name, self.separator, has_value=child.has_value) >= ended
            ]
        items = tuple(found[: request.limit])
        rest = len(found) > request.limit
        return Page(items, Cursor(items[-1].key, revision) if rest else None, revision)
