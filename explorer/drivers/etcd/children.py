"""The next level below a prefix, without reading what is below it.

A child is found, what lies below it is jumped over, and the search for its sibling goes on in windows that start
narrow: the server counts what is in a window, so a window that held the rest of the tree would cost as much as reading
it.
"""

import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from explorer.drivers.etcd import messages
from explorer.drivers.etcd.methods import RANGE, TXN
from explorer.drivers.etcd.reader import NO_END, EtcdReader, shared
from explorer.model.keys import range_end

_PROBE: Final = 16
"""Keys asked for where children are expected to have much below them."""
_MOST: Final = 1024
"""Keys asked for where they turn out to have nothing below them."""
_MOST_OPERATIONS: Final = 128
"""Operations that etcd takes in one transaction unless told otherwise (--max-txn-ops)."""
_GLIMPSE: Final = 4
"""Keys asked for where one child is expected."""
_MOST_STRIDES: Final = 32
"""Siblings looked for at once."""
_LONGEST_NUMBER: Final = 18
_NUMBERED: Final = re.compile(rb"^(.*?)([0-9]+)$", re.DOTALL)


@dataclass(slots=True)
class Names:
    """The children found so far, in the order of their first key."""

    directory: bytes
    separator: bytes
    begun: bytes
    """Where the search began; what lies before was told on the pages before."""
    found: dict[bytes, list[bool]] = field(default_factory=dict)
    """Name to [has a value, has children]."""
    told: dict[bytes, bool] = field(default_factory=dict)
    """Of names that come before the place where the search began: whether they were told there, with their value."""

    def name(self, key: bytes) -> tuple[bytes, bool]:
        """Give the name of the child that a key belongs to, and whether the key lies below that child."""
        name, below, _ = key[len(self.directory) :].partition(self.separator)
        return name, bool(below)

    def note(self, key: bytes) -> tuple[bytes, bool]:
        """Take a key in; give its name."""
        name, below = self.name(key)
        if self.told.get(name):
            return name, below
        facts = self.found.setdefault(name, [False, False])
        facts[below] = True
        return name, below

    def below(self, name: bytes) -> bytes:
        """Give the prefix of what lies below a child."""
        return self.directory + name + self.separator


async def gallop(reader: EtcdReader, names: Names, limit: int) -> None:
    """Find children, from where the reader stands, until there are more than `limit` or no more."""
    windows = reader.windows
    asked = _PROBE
    last_name: bytes | None = None
    while not windows.done and len(names.found) <= limit:
        end = windows.next_end()
        answer = await reader.read(asked)
        await _recall(reader, names, answer)
        name, below = b"", False
        for entry in answer.kvs:
            name, below = names.note(entry.key)
        if not answer.more:
            windows.leave(end, sparse=answer.count * 2 < asked)
            continue
        if not below:
            asked = min(asked * 2, _MOST)
            if answer.count > _MOST * 2:
                windows.narrow(answer.kvs[0].key, answer.kvs[-1].key)
            windows.go_on_behind(answer.kvs[-1].key)
            continue
        asked = _PROBE
        behind = range_end(names.below(name))
        if behind == NO_END:
            windows.leave(NO_END, sparse=True)
            continue
        alike = None if last_name is None else windows.floor + shared(last_name, name) + 1
        windows.jump(behind, alike)
        strides = 1
        while (siblings := _next_numbers(name, min(strides, limit + 1 - len(names.found)))) and await _leap(
            reader, names, name, siblings
        ):
            name = siblings[-1]
            strides = min(strides * 2, _MOST_STRIDES)
        last_name = name


def _next_numbers(name: bytes, count: int) -> list[bytes]:
    """Give the names that follow a numbered one, as long as they are of the same width."""
    numbered = _NUMBERED.match(name)
    if numbered is None or len(numbered[2]) > _LONGEST_NUMBER:
        return []
    stem, digits = numbered.groups()
    numbers = range(int(digits) + 1, min(int(digits) + 1 + count, 10 ** len(digits)))
    return [stem + b"%0*d" % (len(digits), number) for number in numbers]


async def _leap(reader: EtcdReader, names: Names, name: bytes, siblings: list[bytes]) -> bool:
    """Look for the numbered siblings of a child in one request, each in a window that ends where the sibling does.

    Whatever else lies in a window is found as well; the windows leave nothing out. Tells whether all siblings were
    there: only then it is worth looking for more of them at once.
    """
    windows = reader.windows
    edges = [range_end(names.below(one)) for one in (name, *siblings)]
    glimpses = [
        messages.RangeRequest(
            key=start, range_end=end, limit=_GLIMPSE, keys_only=True, revision=reader.revision, serializable=True
        )
        for start, end in pairwise(edges)
    ]
    answer = await reader.cluster.call(
        TXN,
        messages.TxnRequest(success=[messages.RequestOp(request_range=glimpse) for glimpse in glimpses]),
        key=reader.subject,
    )
    for sibling, end, response in zip(siblings, edges[1:], answer.responses, strict=True):
        seen = response.response_range
        await _recall(reader, names, seen)
        last = (b"", False)
        for entry in seen.kvs:
            last = names.note(entry.key)
        if seen.more and last != (sibling, True):
            windows.go_on_behind(seen.kvs[-1].key)
            return False
        windows.position = end
        if last[0] != sibling:
            return False
    return True


async def _recall(reader: EtcdReader, names: Names, answer: messages.RangeResponse) -> None:
    """Find out which of the names were told on a page before.

    A child `a` with a value stands before `a-b`, and what lies below `a` behind it: a search that began between the
    two meets `a` again.
    """
    met = {names.name(entry.key)[0] for entry in answer.kvs}
    for name in met:
        if names.directory + name < names.begun and name not in names.told:
            question = _first_of(names.directory + name, b"", reader.revision)
            names.told[name] = bool((await reader.cluster.call(RANGE, question, key=reader.subject)).kvs)


async def complete(reader: EtcdReader, names: Names, told: list[bytes]) -> None:
    """Settle which of the children with a value have children too, where the search ended before it could see.

    Args:
        reader: The search; what lies before its position has been seen.
        names: What was found.
        told: The names of this page.
    """
    open_ = [name for name in told if not names.found[name][True] and not _passed(reader, range_end(names.below(name)))]
    for i in range(0, len(open_), _MOST_OPERATIONS):
        part = open_[i : i + _MOST_OPERATIONS]
        questions = [_first_of(names.below(name), range_end(names.below(name)), reader.revision) for name in part]
        answer = await reader.cluster.call(
            TXN, messages.TxnRequest(success=[messages.RequestOp(request_range=question) for question in questions])
        )
        for name, response in zip(part, answer.responses, strict=True):
            names.found[name][True] = bool(response.response_range.kvs)


def _passed(reader: EtcdReader, end: bytes) -> bool:
    return reader.windows.done or end <= reader.windows.position


def _first_of(key: bytes, end: bytes, revision: int) -> messages.RangeRequest:
    return messages.RangeRequest(key=key, range_end=end, limit=1, keys_only=True, revision=revision)
