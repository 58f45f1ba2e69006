"""Columns of frames: nested fields flattened, and the exact type of each column."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, TypeAlias, cast

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray

from explorer.codecs.base import Fields

ObjectArray: TypeAlias = np.ndarray[tuple[int], np.dtype[np.object_]]
Array: TypeAlias = ExtensionArray | ObjectArray
"""Values of a column."""

_PANDAS_ARRAY: Final[Callable[..., ExtensionArray]] = pd.array
_PANDAS_INDEX: Final[Callable[..., pd.Index]] = pd.Index
"""Without their overloads, which know no objects."""
_EXACT_FLOAT: Final = 2**53
"""Integers up to which a float is exact."""
_INT64: Final = range(-(2**63), 2**63)
_UINT64: Final = range(2**64)


def make_frame(keys: Sequence[str], columns: Mapping[str, Array]) -> pd.DataFrame:
    """Return a frame with an index of keys. Keys and names may be any text, so both are Python strings."""
    frame = pd.DataFrame(dict(enumerate(columns.values())), index=_PANDAS_INDEX(keys, dtype="object", name="key"))
    frame.columns = _PANDAS_INDEX(list(columns), dtype="object")
    return frame


# Fields


def flatten(value: object, path: str) -> Iterator[tuple[str, object]]:
    """Yield the paths and values of nested fields: names joined by dots; a name with a dot is quoted, as in TOML."""
    if not isinstance(value, Fields) or not value:
        yield path, value
        return
    for name, inner in value.items():
        yield from flatten(inner, f"{path}.{_quote(name)}")


def _quote(name: str) -> str:
    return json.dumps(name, ensure_ascii=False) if not name or "." in name or '"' in name else name


def merge_names(rows: Iterable[Iterable[str]]) -> list[str]:
    """Return all names in the order of the rows; one that only later rows have follows its neighbour there."""
    merged: list[str] = []
    known: set[str] = set()
    for row in rows:
        previous: str | None = None
        for name in row:
            if name not in known:
                merged.insert(0 if previous is None else merged.index(previous) + 1, name)
                known.add(name)
            previous = name
    return merged


# Types


def make_array(values: Sequence[object], default: str = "object") -> Array:
    """Return values in the type that holds all of them exactly; None is missing.

    Args:
        values: The values of a column.
        default: The type of a column without any.
    """
    present = [value for value in values if value is not None]
    mask = np.array([value is None for value in values], dtype=np.bool_)
    kinds = {type(value) for value in present}
    if not kinds and default != "object":
        return _PANDAS_ARRAY(_objects(values), dtype=default)
    if kinds == {bool}:
        return pd.arrays.BooleanArray(_filled(values, False, np.bool_), mask)  # noqa: FBT003 - a filler
    if kinds == {int} and (dtype := _integer_type(cast("list[int]", present))) is not None:
        return pd.arrays.IntegerArray(_filled(values, 0, dtype), mask)
    if float in kinds and kinds <= {int, float} and all(_is_exact(value) for value in present):
        return pd.arrays.FloatingArray(_filled(values, 0.0, np.float64), mask)
    if kinds == {str} and all(_is_encodable(value) for value in present):
        return _PANDAS_ARRAY(_objects(values), dtype="string[python]")
    if kinds == {datetime} and all(cast("datetime", value).tzinfo is not None for value in present):
        return _PANDAS_ARRAY(pd.to_datetime(cast("list[datetime]", values), utc=True))
    return _objects(values)


def _objects(values: Sequence[object]) -> ObjectArray:
    objects = np.empty(len(values), dtype=np.object_)
    for at, value in enumerate(values):  # a list would be taken for several values
        objects[at] = pd.NA if value is None else value
    return objects


def _filled(values: Sequence[object], filler: object, dtype: type[np.generic]) -> "np.ndarray[tuple[int], np.dtype]":
    return np.array([filler if value is None else value for value in values], dtype=dtype)


def _integer_type(values: Sequence[int]) -> type[np.int64 | np.uint64] | None:
    low, high = min(values), max(values)
    if low in _INT64 and high in _INT64:
        return np.int64
    return np.uint64 if low in _UINT64 and high in _UINT64 else None


def _is_exact(value: object) -> bool:
    return isinstance(value, float) or (isinstance(value, int) and abs(value) <= _EXACT_FLOAT)


def _is_encodable(value: object) -> bool:
    try:
        cast("str", value).encode()
    except UnicodeEncodeError:
        return False
    return True
