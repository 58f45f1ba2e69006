"""Settings of a file from the URL: the file, the buckets in it, and how it is opened."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from explorer.drivers.bolt.flat import FlatKeyspace
from explorer.drivers.bolt.keyspace import SEPARATOR, BoltKeyspace
from explorer.drivers.bolt.layout import CN_INFRA_BUCKET, BoltLayout, detect
from explorer.drivers.bolt.revision_keys import RevisionKeyspace
from explorer.drivers.common.settings import (
    absolute_path,
    bool_option,
    request_timeout,
    require_file_path,
    separator_option,
)
from explorer.model.address import Access, Address
from explorer.model.errors import InvalidAddress, InvalidKey, TooLarge
from explorer.model.keys import decode, directory, encode

_OPTIONS: Final = ("bucket", "copy", "create", "layout", "prefix", "separator", "timeout")


@dataclass(frozen=True, slots=True)
class BoltSettings:
    """Settings of a file."""

    address: Address
    """The address; its path is that of the file and of what is in it, whatever the URL named it by."""
    file: Path
    keyspace: BoltKeyspace
    layout: BoltLayout
    separator: str
    root_path: str
    """Beginning of all keys in the file."""
    timeout: float
    """Seconds for which a lock of another process is waited for."""
    copy: bool
    """True if a private copy is read."""
    create: bool
    """True if a file that does not exist is made."""


def load(address: Address, access: Access) -> BoltSettings:
    """Return the settings; looks at the file.

    Raises:
        InvalidAddress: The URL names a host, no file, no bucket, or an unknown option.
    """
    address.only_options(*_OPTIONS)
    require_file_path(address)
    file, rest = _split(address.path)
    prefix = directory(rest) + address.option("prefix", "")
    layout, buckets = _layout(address, file)
    keyspace = (
        _flat_keyspace(address, layout, buckets, prefix) if layout.is_flat else _keyspace(address, layout, prefix)
    )
    root_path = decode(keyspace.prefix) if isinstance(keyspace, FlatKeyspace) else keyspace.to_path_text()
    path = str(file).removeprefix("/") + (f"/{root_path}" if root_path else "")
    options = {name: value for name, value in address.options.items() if name != "prefix"}
    return BoltSettings(
        replace(address, hosts=(), path=path, options=options),
        file,
        keyspace,
        layout,
        separator_option(address) if layout.is_flat else SEPARATOR,
        root_path,
        request_timeout(address, access),
        copy=bool_option(address, "copy"),
        create=bool_option(address, "create"),
    )


def layout_of(address: Address) -> BoltLayout:
    """Return the layout of an address's file.

    Raises:
        InvalidAddress: The URL has an unknown one.
    """
    return _layout(address, _split(address.path)[0])[0]


def _layout(address: Address, file: Path) -> tuple[BoltLayout, list[bytes]]:
    found, buckets = detect(file)
    text = address.option("layout", "") or found.value
    try:
        return BoltLayout(text), buckets
    except ValueError as error:
        known = ", ".join(BoltLayout)
        raise InvalidAddress(
            f"unknown layout {text!r}", hint=f"known here: {known}", address=address.redacted
        ) from error


def _flat_keyspace(address: Address, layout: BoltLayout, buckets: list[bytes], prefix: str) -> FlatKeyspace:
    separator = separator_option(address)
    bucket = encode(address.option("bucket", ""))
    if not bucket and layout is BoltLayout.CN_INFRA:
        bucket = CN_INFRA_BUCKET
    if not bucket and len(buckets) == 1:
        (bucket,) = buckets
    if not bucket:
        raise InvalidAddress(
            f"the layout {layout} has all keys in one bucket: which one?",
            hint="?bucket=NAME, as the program's configuration names it",
            address=address.redacted,
        )
    return FlatKeyspace((bucket,), encode(directory(prefix, separator)), separator, layout.has_index)


def _keyspace(address: Address, layout: BoltLayout, prefix: str) -> BoltKeyspace:
    if "separator" in address.options:
        raise InvalidAddress(
            "the separator of buckets is a slash",
            hint=f"?separator= is for the layouts {', '.join(name for name in BoltLayout if name.is_flat)}",
            address=address.redacted,
        )
    bucket = encode(address.option("bucket", ""))
    keyspace = RevisionKeyspace(()) if layout is BoltLayout.ETCD else BoltKeyspace(())
    names = [name for name in prefix.split(SEPARATOR) if name]
    try:
        inside = keyspace.to_path(SEPARATOR.join(names)) if names else ()
    except (InvalidKey, TooLarge) as error:
        raise InvalidAddress(error.message, hint=error.hint, address=address.redacted) from error
    return replace(keyspace, root=(bucket, *inside) if bucket else inside)


def _split(path: str) -> tuple[Path, str]:
    """Return the file and the rest of a path: the file is the shortest part that is one, or all of it."""
    names = path.split("/")
    for count in range(1, len(names)):
        file = Path(absolute_path("/".join(names[:count])))
        if _is_file(file):
            return file, "/".join(names[count:])
    return Path(absolute_path(path)), ""


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name is too long, or a folder must not be entered
        return False
