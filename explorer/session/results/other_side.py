"""The other side of a comparison, by what a person types: a folder here, a profile, a revision, a URL, or a file."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeAlias

from explorer.drivers.base import Store
from explorer.model.address import at_revision, split_revision
from explorer.model.errors import CallNotSupported
from explorer.model.keys import directory
from explorer.plans.side import PlanSide, Side

Connect: TypeAlias = Callable[[str], Store]
"""Returns the store of a URL or `@PROFILE`, not yet connected."""

_FILE_STARTS: Final = ("./", "../", "~/")


@asynccontextmanager
async def open_other_side(text: str, left: PlanSide, connect: Connect | None) -> AsyncGenerator[Side, None]:
    """Open the side that a text names.

    Args:
        text: `folder/` of the same store; `@PROFILE`, with the same folder there; `@57`, the same folder at that
            revision; a URL; or a file that begins with `./`, `../` or `~/`.
        left: The first side.
        connect: Opens another store; None if that is not possible here.

    Raises:
        ExplorerError: There is no such side.
        OSError: The file cannot be read.
    """
    if text.startswith(_FILE_STARTS):
        from explorer.plans.side_opener import read_file  # noqa: PLC0415 - loads yaml

        yield await asyncio.to_thread(read_file, text, left.store.separator)
    elif text.startswith("@") and text[1:].isdigit():
        async with _earlier(left, int(text[1:]), connect) as store:
            yield PlanSide(store, left.prefix, profile=left.profile)
    elif text.startswith("@") or ":" in text:
        url, revision = split_revision(text)
        if connect is None:
            raise CallNotSupported("no other store can be opened here")
        async with connect(url if revision is None else at_revision(url, revision)) as store:
            is_profile = text.startswith("@")
            prefix, profile = (left.prefix, url[1:]) if is_profile else ("", None)
            yield PlanSide(store, prefix, left.store.separator, profile)
    else:
        yield PlanSide(left.store, directory(text, left.store.separator), profile=left.profile)


def _earlier(left: PlanSide, revision: int, connect: Connect | None) -> Store:
    store = left.store.clone(revision=revision)
    if store is None:
        if connect is None:
            raise CallNotSupported("this store shows no earlier revision here")
        store = connect(at_revision(left.store.address.public_url, revision))
    return store
