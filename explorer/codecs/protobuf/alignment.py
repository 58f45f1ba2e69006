"""Alignment of two lists of messages, whose elements have no identity."""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Final

from google.protobuf.message import Message

from explorer.codecs.line_merge import matching_pairs
from explorer.codecs.protobuf.fields import comparable, comparable_field, fields_of

_MAX_COMPARED_PAIRS: Final = 10_000
"""Pairs of elements up to which a gap is compared field by field."""


def align(old: Sequence[Message], new: Sequence[Message]) -> Mapping[int, int]:
    """Return the old index for indexes of the new list.

    Equal elements match first, in order, then equal elements that moved, then the most similar ones in between, then
    the rest of gaps of equal length, one by one.
    """
    was, now = [comparable(one) for one in old], [comparable(one) for one in new]
    anchors = [*matching_pairs(was, now), (len(old), len(new))]
    matched = {there: here for here, there in anchors[:-1]}
    _match_moved(was, now, matched)
    taken = set(matched.values())
    here = there = 0
    for next_here, next_there in anchors:
        gap_old = [index for index in range(here, next_here) if index not in taken]
        gap_new = [index for index in range(there, next_there) if index not in matched]
        if gap_old and gap_new:
            matched.update(_match_similar(old, new, gap_old, gap_new))
        here, there = next_here + 1, next_there + 1
    return matched


def _match_moved(was: Sequence[Hashable], now: Sequence[Hashable], matched: dict[int, int]) -> None:
    taken = set(matched.values())
    left: defaultdict[Hashable, list[int]] = defaultdict(list)
    for index in reversed(range(len(was))):
        if index not in taken:
            left[was[index]].append(index)
    for index, one in enumerate(now):
        if index not in matched and left.get(one):
            matched[index] = left[one].pop()


def _match_similar(
    old: Sequence[Message], new: Sequence[Message], gap_old: Sequence[int], gap_new: Sequence[int]
) -> Iterator[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    if len(gap_old) * len(gap_new) <= _MAX_COMPARED_PAIRS:
        pairs = _best_pairs([_fields(old[index]) for index in gap_old], [_fields(new[index]) for index in gap_new])
    here = there = 0
    for next_here, next_there in (*pairs, (len(gap_old), len(gap_new))):
        if next_here - here == next_there - there:
            yield from zip(gap_new[there:next_there], gap_old[here:next_here], strict=True)
        if next_here < len(gap_old):
            yield gap_new[next_there], gap_old[next_here]
        here, there = next_here + 1, next_there + 1


def _fields(message: Message) -> dict[int, object]:
    return {field.number: comparable_field(message, field) for field in fields_of(message)}


def _best_pairs(old: Sequence[dict[int, object]], new: Sequence[dict[int, object]]) -> list[tuple[int, int]]:
    """Return pairs in order with the most equal fields in total (weighted longest common subsequence)."""
    score = [[sum(there.get(number) == value for number, value in here.items()) for there in new] for here in old]
    best = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for here in reversed(range(len(old))):
        for there in reversed(range(len(new))):
            best[here][there] = max(
                best[here + 1][there], best[here][there + 1], best[here + 1][there + 1] + score[here][there]
            )
    pairs: list[tuple[int, int]] = []
    here = there = 0
    while here < len(old) and there < len(new):
        if score[here][there] and best[here][there] == best[here + 1][there + 1] + score[here][there]:
            pairs.append((here, there))
            here, there = here + 1, there + 1
        elif best[here][there] == best[here + 1][there]:
            here += 1
        else:
            there += 1
    return pairs
