"""Frames of what a search finds and of how two stores differ; pandas is imported when one is made."""

from collections.abc import Sequence
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING

from explorer.codecs.entry_decoder import EntryDecoder
from explorer.codecs.options import CodecNames, PathName
from explorer.config import Profile
from explorer.data.extras import extra
from explorer.drivers.base import Store
from explorer.model.entries import Entry
from explorer.model.errors import InvalidText
from explorer.model.keys import directory
from explorer.plans.differences import Difference, DifferenceKind, differences
from explorer.plans.search import Search, SearchHit, SearchQuery, searched_text
from explorer.plans.side import PlanSide, is_masked, spelled_like

if TYPE_CHECKING:
    from pandas import DataFrame


async def diff_frame(
    store: Store,
    other: Store,
    prefix: str = "",
    decode: bool = True,  # noqa: FBT001, FBT002 - as `to_frame`
    *,
    proto: Sequence[PathName] = (),
    import_paths: Sequence[PathName] = (),
    codecs: CodecNames | None = None,
) -> "DataFrame":
    """Return the keys below a prefix that differ between two stores as a pandas frame with an index of keys.

    The columns are `kind` (`only-left`, `only-right`, `changed`), `revision`, `other_revision`, `value` and
    `other_value`. Keys are those of the first store, and so are the rules by which values are decoded. Values that a
    profile masks are missing.

    Args:
        store: An open store.
        other: The store that it is compared with, also open: another one, or the same at another revision.
        prefix: A directory; empty for everything.
        decode: False leaves the values as bytes.
        proto: As for `EntryDecoder`.
        import_paths: As for `EntryDecoder`.
        codecs: As for `EntryDecoder`.

    Raises:
        ExtraNotInstalled: There is no pandas.
        SchemaFailed: A schema or the rule file is invalid.
        ExplorerError: A store cannot be read.
    """
    with extra("data"):
        from explorer.data.columns import make_array, make_frame  # noqa: PLC0415 - imports pandas
    decoder = EntryDecoder(store, proto=proto, import_paths=import_paths, codecs=codecs) if decode else None
    left = PlanSide(store, directory(prefix, store.separator))
    there = prefix.replace(store.separator, other.separator)
    right = spelled_like(PlanSide(other, directory(there, other.separator)), left)
    keys: list[str] = []
    rows: list[Difference] = []
    values: list[tuple[object, object]] = []
    async with aclosing(left.pages()) as one, aclosing(right.pages()) as two:
        async for page in differences(one, two):
            for difference in page:
                if difference.kind is DifferenceKind.SAME:
                    continue
                keys.append(key := left.key(difference.key))
                rows.append(difference)
                is_hidden = is_masked(left, difference.key) or is_masked(right, difference.key)
                value, other_value = (
                    None if is_hidden else _value(entry, key, decoder) for entry in (difference.left, difference.right)
                )
                values.append((value, other_value))
    columns = {
        "kind": make_array([row.kind.value for row in rows], "string"),
        "revision": make_array([None if row.left is None else row.left.revision for row in rows], "Int64"),
        "other_revision": make_array([None if row.right is None else row.right.revision for row in rows], "Int64"),
        "value": make_array([value for value, _ in values]),
        "other_value": make_array([value for _, value in values]),
    }
    frame = make_frame(keys, columns)
    frame.attrs = {"address": store.redacted, "other": other.redacted, "prefix": prefix}
    return frame


def _value(entry: Entry | None, key: str, decoder: EntryDecoder | None) -> object:
    if entry is None:
        return None
    return entry.value if decoder is None else decoder.decode(entry._replace(key=key))


async def find_frame(
    store: Store,
    prefix: str = "",
    *,
    key: str | None = None,
    value: str | None = None,
    regex: bool = False,
    ignore_case: bool = False,
    limit: int | None = None,
    proto: Sequence[PathName] = (),
    import_paths: Sequence[PathName] = (),
    codecs: CodecNames | None = None,
) -> "DataFrame":
    """Return what is found below a prefix as a pandas frame with an index of keys.

    The columns are `where` (`key` or `value`), `line` of the value, from 1, and `match`, that line or the key. The
    frame's `attrs` say at how many keys the search `looked_at`, and which values were `left_out`, by the reason.

    Args:
        store: An open store.
        prefix: A directory; empty for everything.
        key: Part of a key, or a glob of the whole key; None for any key.
        value: Part of a value's text, of a message of its fields; None for any value.
        regex: Whether both are regular expressions.
        ignore_case: Whether upper and lower case are the same.
        limit: Number of matches after which the search ends; None for all.
        proto: As for `EntryDecoder`.
        import_paths: As for `EntryDecoder`.
        codecs: As for `EntryDecoder`.

    Raises:
        ExtraNotInstalled: There is no pandas.
        InvalidText: There is no pattern, or one is no regular expression.
        KeyNotFound: There is nothing below the prefix.
        SchemaFailed: A schema or the rule file is invalid.
    """
    with extra("data"):
        from explorer.data.columns import make_array, make_frame  # noqa: PLC0415 - imports pandas
    if key is None and value is None:
        raise InvalidText("there is nothing to find", hint='give a key or a value: value="localhost"')
    decoder = EntryDecoder(store, proto=proto, import_paths=import_paths, codecs=codecs)
    side = PlanSide(store, directory(prefix, store.separator))
    query = SearchQuery(key, value, regex, ignore_case)
    search = Search(side, query, partial(searched_text, decoder), (store.profile or Profile("")).masks)
    hits: list[SearchHit] = []
    async with aclosing(search.hits()) as found:
        async for hit in found:
            if limit is not None and len(hits) >= limit:
                break
            hits.append(hit)
    columns = {
        "where": make_array([hit.where for hit in hits], "string"),
        "line": make_array([hit.line or None for hit in hits], "Int64"),
        "match": make_array([hit.match for hit in hits]),
    }
    frame = make_frame([hit.key for hit in hits], columns)
    frame.attrs = {
        "address": store.redacted,
        "prefix": prefix,
        "looked_at": search.looked_at,
        "left_out": dict(search.left_out),
    }
    return frame
