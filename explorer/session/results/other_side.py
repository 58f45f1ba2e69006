"""The other side of a comparison, by what a person types: a folder here, a profile, a revision, a URL, or a file."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, TypeAlias

from explorer.drivers.base import Store
from explorer.model.address import at_revision, split_revision
from explorer.model.errors import CallNotSupported, InvalidText
from explorer.model.keys import directory
from explorer.plans.formats import read
from explorer.plans.side import FileSide, PlanSide

Side: TypeAlias = PlanSide | FileSide
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
        yield _read_file(text, left)
    elif text.startswith("@") and text[1:].isdigit():
        async with _earlier(left, int(text[1:]), connect) as store:
            yield PlanSide(store, left.prefix, profile=left.profile)
    elif text.startswith("@") or ":" in text:
        url, revision = split_revision(text)
        if connect is None:
            raise CallNotSupported("no other store can be opened here")
        async with connect(url if revision is None else at_revision(url, revision)) as store:
            is_profile = text.startswith("@")
            yield PlanSide(store, left.prefix if is_profile else "", profile=url[1:] if is_profile else None)
    else:
        yield PlanSide(left.store, directory(text, left.store.separator), profile=left.profile)


def _earlier(left: PlanSide, revision: int, connect: Connect | None) -> Store:
    store = left.store.clone(revision=revision)
    if store is None:
        if connect is None:
            raise CallNotSupported("this store shows no earlier revision here")
        store = connect(at_revision(left.store.address.public_url, revision))
    return store


def _read_file(name: str, left: PlanSide) -> FileSide:
    path = Path(name).expanduser()
    try:
        return FileSide(str(path), read(path.read_text(encoding="utf-8"), left.store.separator))
    except UnicodeDecodeError as error:
        raise InvalidText(f"{path}: not UTF-8 (byte {error.start})", hint="name an export") from error
    except InvalidText as error:
        raise InvalidText(f"{path}: {error.message}", hint=error.hint, key=error.key) from error
