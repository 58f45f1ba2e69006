"""Listing of the next level below a prefix, without reading what is below its children.

When a child is found, the search jumps over what is below it and continues with its sibling, in windows that start
narrow: the server counts what is in a window, so a window with the rest of the tree would cost as much as reading it.
"""

import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from explorer.drivers.etcd import messages
from explorer.drivers.etcd.endpoint import MAX_TXN_OPS, RANGE, TXN
from explorer.drivers.etcd.keyspace import NO_END
from explorer.drivers.etcd.reader import EtcdReader, common_prefix_length
from explorer.model.keys import range_end

_MIN_LIMIT: Final = 16
"""Keys per request where children are expected to have much below them."""
_MAX_LIMIT: Final = 1024
"""Keys per request where they turn out to have nothing below them."""
_SIBLING_LIMIT: Final = 4
"""Keys per range where one child is expected."""
_MAX_SIBLINGS: Final = 32
"""Siblings searched for in one request."""
_MAX_DIGITS: Final = 18
_NUMBERED: Final = re.compile(rb"^(.*?)([0-9]+)$", re.DOTALL)


@dataclass(slots=True)
class ChildNames:
    """The children found so far, in the order of their first key."""

    directory: bytes
    separator: bytes
    start: bytes
    """Where the search began; earlier children were on the pages before."""
    found: dict[bytes, list[bool]] = field(default_factory=dict)
    """Name to [has a value, has children]."""
    listed: dict[bytes, bool] = field(default_factory=dict)
    """For names before the start: whether they were on a page before, with their value."""

    def split(self, key: bytes) -> tuple[bytes, bool]:
        """Return the name of the child that a key belongs to, and whether the key is below that child."""
        name, below, _ = key[len(self.directory) :].partition(self.separator)
        return name, bool(below)

    def add(self, key: bytes) -> tuple[bytes, bool]:
        """Add a key and return its parts, see `split`."""
        name, below = self.split(key)
        if self.listed.get(name):
            return name, below
        facts = self.found.setdefault(name, [False, False])
        facts[below] = True
        return name, below

    def prefix_of(self, name: bytes) -> bytes:
        """Return the prefix of what is below a child."""
        return self.directory + name + self.separator


async def find_children(reader: EtcdReader, names: ChildNames, limit: int) -> None:
    """Find children from the reader's position on, until there are more than `limit` or no more."""
    windows = reader.windows
    batch = _MIN_LIMIT
    last_name: bytes | None = None
    while not windows.done and len(names.found) <= limit:
        end = windows.next_end()
        response = await reader.read(batch)
        await _note_listed(reader, names, response)
        name, below = b"", False
        for kv in response.kvs:
            name, below = names.add(kv.key)
        if not response.more:
            windows.finish(end, sparse=response.count * 2 < batch)
            continue
        if not below:
            batch = min(batch * 2, _MAX_LIMIT)
            if response.count > _MAX_LIMIT * 2:
                windows.narrow(response.kvs[0].key, response.kvs[-1].key)
            windows.continue_after(response.kvs[-1].key)
            continue
        batch = _MIN_LIMIT
        next_sibling = range_end(names.prefix_of(name))
        if next_sibling == NO_END:
            windows.finish(NO_END, sparse=True)
            continue
        depth = None if last_name is None else windows.floor + common_prefix_length(last_name, name) + 1
        windows.jump(next_sibling, depth)
        count = 1
        while (siblings := _next_numbers(name, min(count, limit + 1 - len(names.found)))) and await _find_siblings(
            reader, names, name, siblings
        ):
            name = siblings[-1]
            count = min(count * 2, _MAX_SIBLINGS)
        last_name = name


def _next_numbers(name: bytes, count: int) -> list[bytes]:
    """Return the names that follow a numbered one, as long as they have the same width."""
    numbered = _NUMBERED.match(name)
    if numbered is None or len(numbered[2]) > _MAX_DIGITS:
        return []
    stem, digits = numbered.groups()
    numbers = range(int(digits) + 1, min(int(digits) + 1 + count, 10 ** len(digits)))
    return [stem + b"%0*d" % (len(digits), number) for number in numbers]


async def _find_siblings(reader: EtcdReader, names: ChildNames, name: bytes, siblings: list[bytes]) -> bool:
    """Find the numbered siblings of a child in one request, each in a window that ends where the sibling does.

    The windows leave nothing out, so whatever else is in them is found as well. Return whether all siblings exist:
    only then it is worth looking for more of them at once.
    """
    windows = reader.windows
    edges = [range_end(names.prefix_of(sibling)) for sibling in (name, *siblings)]
    ranges = [
        messages.RangeRequest(
            key=start, range_end=end, limit=_SIBLING_LIMIT, keys_only=True, revision=reader.revision, serializable=True
        )
        for start, end in pairwise(edges)
    ]
    response = await reader.connection.call(
        TXN,
        messages.TxnRequest(success=[messages.RequestOp(request_range=request) for request in ranges]),
    )
    for sibling, end, result in zip(siblings, edges[1:], response.responses, strict=True):
        page = result.response_range
        await _note_listed(reader, names, page)
        last = (b"", False)
        for kv in page.kvs:
            last = names.add(kv.key)
        if page.more and last != (sibling, True):
            windows.continue_after(page.kvs[-1].key)
            return False
        windows.position = end
        if last[0] != sibling:
            return False
    return True


async def _note_listed(reader: EtcdReader, names: ChildNames, response: messages.RangeResponse) -> None:
    """Find out which of the names were on a page before.

    A child `a` with a value comes before `a-b`, and what is below `a` after it: a search that began between the two
    finds `a` again.
    """
    for name in {names.split(kv.key)[0] for kv in response.kvs}:
        if names.directory + name < names.start and name not in names.listed:
            request = _first_key(names.directory + name, b"", reader.revision)
            names.listed[name] = bool((await reader.connection.call(RANGE, request)).kvs)


async def resolve_has_children(reader: EtcdReader, names: ChildNames, page: list[bytes]) -> None:
    """Find out which children with a value have children too, where the search ended before their keys.

    Args:
        reader: The search; what is before its position was read.
        names: The children found.
        page: The names of this page.
    """
    unresolved = [
        name for name in page if not names.found[name][True] and not _was_read(reader, range_end(names.prefix_of(name)))
    ]
    for i in range(0, len(unresolved), MAX_TXN_OPS):
        batch = unresolved[i : i + MAX_TXN_OPS]
        prefixes = [names.prefix_of(name) for name in batch]
        requests = [_first_key(prefix, range_end(prefix), reader.revision) for prefix in prefixes]
        response = await reader.connection.call(
            TXN, messages.TxnRequest(success=[messages.RequestOp(request_range=request) for request in requests])
        )
        for name, result in zip(batch, response.responses, strict=True):
            names.found[name][True] = bool(result.response_range.kvs)


def _was_read(reader: EtcdReader, end: bytes) -> bool:
    return reader.windows.done or end <= reader.windows.position


def _first_key(start: bytes, end: bytes, revision: int) -> messages.RangeRequest:
    return messages.RangeRequest(key=start, range_end=end, limit=1, keys_only=True, revision=revision)
