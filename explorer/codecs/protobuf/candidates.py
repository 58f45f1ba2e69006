"""Which messages a value could be. Only ever offered: most bytes parse as many types, and a short text as hundreds."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from google.protobuf.message import DecodeError

from explorer.codecs.base import Choice
from explorer.codecs.limits import Limits
from explorer.codecs.protobuf.fields import serialized, set_fields, unknown_size
from explorer.codecs.protobuf.schemas import MessageType, Schemas

_MOST_TYPES: Final = 5_000
"""Types that are tried; a few thousand take a fraction of a second."""


def candidate_types(value: bytes, schemas: Schemas, limits: Limits) -> Iterator[Choice]:
    """Give the types that a value parses as, those first that leave the least unexplained."""
    if len(value) > limits.guess:
        return
    scores: list[tuple[tuple[int, int], str]] = []
    for name in islice(schemas.types(), _MOST_TYPES):
        kind = schemas.find(name)
        if kind is not None and (score := _score(value, kind, limits)) is not None:
            scores.append((score, name))
    for _, name in sorted(scores, key=lambda found: found[0]):
        yield Choice("protobuf", name)


def _score(value: bytes, kind: MessageType, limits: Limits) -> tuple[int, int] | None:
    """Rate a type, 0 being best; None when the value is none. Weights are those that found most of Kubernetes' own."""
    try:
        message = kind.parse(value)
        found = kind.surveyor.survey(message, limits.elements)
    except (DecodeError, UnicodeDecodeError):  # the latter of a map's key
        return None
    wrong = 5 * unknown_size(message) + 3 * found.broken_strings + (serialized(message) != value)
    return wrong, -len(set_fields(message))
