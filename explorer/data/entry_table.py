"""Tables of entries read page by page, and of locks, as frames."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Final

import pandas as pd

from explorer.codecs.entry_decoder import EntryDecoder
from explorer.data.columns import Array, flatten, make_array, make_frame, merge_names
from explorer.model.entries import Entry
from explorer.model.locks import LockInfo

MAX_FIELDS: Final = 1000
"""Fields that get a column each; beyond that the values stay whole."""
_VALUE: Final = "value"


class EntryTable:
    """Entries with their values, decoded if there is a decoder."""

    def __init__(self, decoder: EntryDecoder | None) -> None:
        self._decoder = decoder
        self._entries: list[Entry] = []
        self._sizes: list[int | None] = []
        self._values: list[object] = []

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entries: Iterable[Entry]) -> None:
        """Add entries and decode their values."""
        for entry in entries:
            self._values.append(entry.value if self._decoder is None else self._decoder.decode(entry))
            self._sizes.append(None if entry.value is None else len(entry.value))
            self._entries.append(entry._replace(value=None))  # decoded, its bytes are not needed any more

    def frame(self) -> pd.DataFrame:
        """Return the frame of all entries."""
        entries = self._entries
        columns = {
            "revision": make_array([entry.revision for entry in entries], "Int64"),
            "created": make_array([entry.created for entry in entries], "Int64"),
            "version": make_array([entry.version for entry in entries], "Int64"),
            "size": make_array(self._sizes, "Int64"),
            "ttl": make_array([entry.ttl for entry in entries], "Float64"),
            "lease": make_array([entry.lease for entry in entries], "string"),
        }
        metadata = [{f"meta.{name}": value for name, value in entry.meta.items()} for entry in entries]
        return make_frame([entry.key for entry in entries], {**columns, **_columns(metadata), **self._value_columns()})

    def _value_columns(self) -> Mapping[str, Array]:
        if self._decoder is None:
            return {_VALUE: make_array(self._values)}
        rows = [{} if value is None else dict(flatten(value, _VALUE)) for value in self._values]
        if len(set(chain.from_iterable(rows))) <= MAX_FIELDS:
            columns = dict(_columns(rows))
            if columns and _VALUE not in columns:
                return columns
            return {_VALUE: columns.pop(_VALUE, make_array(self._values)), **columns}
        message = f"the values have more than {MAX_FIELDS:,} different fields: they stay whole, in {_VALUE!r}"
        warnings.warn(message, UserWarning, stacklevel=2)
        return {_VALUE: make_array(self._values)}


def locks_table(locks: Sequence[LockInfo]) -> pd.DataFrame:
    """Return the frame of locks; the columns of the holder are missing where a lock is not held."""
    rows = [lock.fields for lock in locks]
    return make_frame(
        [lock.key for lock in locks],
        {name: make_array([row[name] for row in rows], default) for name, default in _LOCK_COLUMNS.items()},
    )


_LOCK_COLUMNS: Final[Mapping[str, str]] = {
    "kind": "string",
    "layout": "string",
    "certain": "boolean",
    "holder": "string",
    "waiters": "object",
    "session": "string",
    "ttl": "Float64",
    "since": "object",
    "fence": "object",
    "other_keys": "object",
    "stale": "string",
}


def _columns(rows: Sequence[Mapping[str, object]]) -> Mapping[str, Array]:
    return {name: make_array([row.get(name) for row in rows]) for name in merge_names(rows)}
