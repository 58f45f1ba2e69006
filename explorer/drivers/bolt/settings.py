"""Settings of a file from the URL: the file, the buckets in it, and how it is opened."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from explorer.drivers.bolt.keyspace import SEPARATOR, parse_name
from explorer.drivers.common.settings import absolute_path, bool_option, request_timeout
from explorer.model.address import Access, Address
from explorer.model.errors import InvalidAddress, InvalidKey, TooLarge

_OPTIONS: Final = ("copy", "create", "prefix", "timeout")
_HINT: Final = "write it like bolt:///path/file.db, with three slashes"


@dataclass(frozen=True, slots=True)
class BoltSettings:
    """Settings of a file."""

    address: Address
    """The address; its path is that of the file and of the buckets, whatever the URL named them by."""
    file: Path
    root: tuple[bytes, ...]
    """Names of the buckets that every key is in."""
    timeout: float
    """Seconds for which a lock of another process is waited for."""
    copy: bool
    """True if a private copy is read."""
    create: bool
    """True if a file that does not exist is made."""


def load(address: Address, access: Access) -> BoltSettings:
    """Return the settings.

    Raises:
        InvalidAddress: The URL names a host, no file, no bucket, or an unknown option.
    """
    address.only_options(*_OPTIONS)
    address.require_no_socket()
    if address.tls or any(host.name != "localhost" for host in address.hosts):
        raise InvalidAddress("a file URL names no host", hint=_HINT, address=address.redacted)
    if not address.path.strip(SEPARATOR) or "\0" in address.path:
        raise InvalidAddress("the URL names no file", hint=_HINT, address=address.redacted)
    file, rest = _split(absolute_path(address.path))
    inside = [name for part in (rest, address.option("prefix", "")) for name in part.split(SEPARATOR) if name]
    try:
        root = tuple(parse_name(name) for name in inside)
    except (InvalidKey, TooLarge) as error:
        raise InvalidAddress(error.message, hint=error.hint, address=address.redacted) from error
    path = str(file).removeprefix("/") + "".join(f"/{name}" for name in inside) + ("/" if inside else "")
    options = {name: value for name, value in address.options.items() if name != "prefix"}
    address = replace(address, hosts=(), path=path, options=options)
    copy, create = bool_option(address, "copy"), bool_option(address, "create")
    return BoltSettings(address, file, root, request_timeout(address, access), copy=copy, create=create)


def _split(path: str) -> tuple[Path, str]:
    """Return the file and the rest of a path: the file is the shortest part that is one, or all of it."""
    names = path.split("/")
    for count in range(2, len(names)):
        file = Path("/".join(names[:count]))
        if file.is_file():
            return file, "/".join(names[count:])
    return Path(path), ""
