"""Sides of comparisons and copies by their texts: URLs, `URL@REVISION`, profiles, exported files and plan files."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias
from urllib.parse import unquote_to_bytes

from explorer.drivers.base import Store
from explorer.model.address import at_revision, split_revision
from explorer.model.errors import Denied, InvalidKey, InvalidPlan, InvalidText, KeyNotFound
from explorer.model.keys import decode, encode
from explorer.plans.formats import read
from explorer.plans.plan_file import is_plan, read_plan
from explorer.plans.side import FileSide, PlanSide, Side, has_own_value

StoreFactory: TypeAlias = Callable[[str], Store]
"""Returns the store of a URL or profile, either with a revision, not yet connected."""


def is_file(text: str) -> bool:
    """Return whether a side is a file, and no store."""
    return text.startswith(("/", "./", "../", "~/")) or (":" not in text and not text.startswith("@"))


@asynccontextmanager
async def open_side(text: str, open_store: StoreFactory) -> AsyncGenerator[Side, None]:
    """Open one side.

    A URL whose path has no separator at its end names a key, with what is below it, if that key has a value; otherwise
    it names a directory. A plan file stands for the values that it writes to its first store.

    Raises:
        OSError: The file cannot be read.
        InvalidText: It has no known format.
    """
    if is_file(text):
        yield read_file(text)
        return
    async with AsyncExitStack() as stack:
        yield await _open_key(text, open_store, stack) or await _open_directory(text, open_store, stack)


@asynccontextmanager
async def open_sides(left: str, right: str, open_store: StoreFactory) -> AsyncGenerator[tuple[Side, Side], None]:
    """Open two sides that are compared, or a source and a target.

    If the first is a key, the second is one too: of that name if it ends with the separator, as for `cp`. Two keys
    below the same URL are in one store, so that both can be in one transaction.

    Raises:
        OSError: A file cannot be read.
        InvalidText: It has no known format.
    """
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(open_side(left, open_store))
        if is_file(right):
            yield one, read_file(right)
            return
        other: Side
        if not isinstance(one, PlanSide) or not one.has_key:
            other = await _open_directory(right, open_store, stack)
        else:
            other = await _open_sibling(right, left, one, open_store, stack)
        yield one, other


def read_file(name: str, separator: str = "/", *, form: str | None = None) -> FileSide:
    """Return the side of an exported file or a plan file.

    Args:
        name: Path of the file.
        separator: Separator of the names in it, if it is a tree.
        form: Its format; None finds out.

    Raises:
        OSError: It cannot be read.
        InvalidText: It has no known format.
    """
    path = Path(name).expanduser()
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")  # editors of Windows write the mark
        if form is None and is_plan(text):
            return FileSide.of_plan(str(path), read_plan(text, str(path)))
        return FileSide(str(path), read(text, separator, form=form))
    except UnicodeDecodeError as error:
        raise InvalidText(f"{path}: not UTF-8 (byte {error.start})", hint="name an export or a plan") from error
    except InvalidPlan:
        raise
    except InvalidText as error:
        raise InvalidText(f"{path}: {error.message}", hint=error.hint, key=error.key) from error


async def _open_directory(text: str, open_store: StoreFactory, stack: AsyncExitStack) -> PlanSide:
    store = await stack.enter_async_context(open_store(text))
    return PlanSide(store, profile=_profile(text))


async def _open_key(text: str, open_store: StoreFactory, stack: AsyncExitStack) -> PlanSide | None:
    """Return the side of a key that has a value; None if the text names none."""
    parted = _split_name(text, open_store)
    if parted is None:
        return None
    parent, name = parted
    async with AsyncExitStack() as opening:
        try:
            store = await opening.enter_async_context(open_store(parent))
            entry = await store.get(name)
        except (KeyNotFound, InvalidKey, Denied):  # who may read what is below it only means the directory
            return None
        if not has_own_value(entry):
            return None
        stack.push_async_exit(opening.pop_all())
        return PlanSide(store, name, has_key=True)


async def _open_sibling(
    text: str, left: str, one: PlanSide, open_store: StoreFactory, stack: AsyncExitStack
) -> PlanSide:
    """Return the side of a key beside another one, which need not exist."""
    parted = _split_name(text, open_store)
    parent, name = parted if parted is not None else (text, one.shown(""))
    own = _split_name(left, open_store)
    if own is not None and own[0] == parent:
        return replace(one, prefix=name)
    store = await stack.enter_async_context(open_store(parent))
    return PlanSide(store, name, profile=_profile(text), has_key=True)


def _split_name(text: str, open_store: StoreFactory) -> tuple[str, str] | None:
    """Return the URL of the directory that a key is in, and its name; None if the text names a directory."""
    url, revision = split_revision(text)
    if url.startswith("@"):
        return None
    store = open_store(text)
    root, separator = store.root_path, store.separator
    if not root or root.endswith(separator):
        return None
    bare, question, query = url.partition("?")
    place = max(bare.rfind("/"), bare.rfind(separator))
    name = root.rpartition(separator)[2]
    if decode(unquote_to_bytes(encode(bare[place + 1 :]))) != name:
        return None
    parent = f"{bare[: place + 1]}{question}{query}"
    return (parent if revision is None else at_revision(parent, revision)), name


def _profile(text: str) -> str | None:
    url, _ = split_revision(text)
    return url[1:] if url.startswith("@") else None
