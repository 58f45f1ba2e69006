"""Settings of a file store: the file or folder, the prefix within it, and the layout, from the URL."""

import os
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from explorer.drivers.common.settings import (
    absolute_path,
    bool_option,
    request_timeout,
    require_file_path,
    seconds_option,
    separator_option,
)
from explorer.drivers.files import layout_detection
from explorer.model.address import Access, Address
from explorer.model.errors import InvalidAddress
from explorer.model.keys import directory, encode

_MAX_VALUE: Final = 64 << 20
_POLL_INTERVAL: Final = 1.0
_OPTIONS: Final = ("timeout", "layout", "prefix", "separator", "follow", "poll", "max_value")


class LayoutName(StrEnum):
    """Names of the layouts, as the URL spells them."""

    FOLDER = "folder"
    FILEDB = "filedb"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True)
class FilesSettings:
    """Settings of a file store."""

    address: Address
    """The address with an absolute path."""
    root: bytes
    """The file or folder, without symlinks."""
    is_folder: bool
    prefix: str
    """Beginning of all keys of the address, empty or with a separator at its end."""
    layout: LayoutName
    separator: str
    follow: bool
    """True if symlinks are followed wherever they lead."""
    poll: float | None
    """Seconds between two polls; None to be notified of changes."""
    max_value: int
    """Bytes of the largest value, and of the largest file that is parsed."""
    timeout: float

    @property
    def redacted(self) -> str:
        """The address for messages."""
        return self.address.redacted

    @property
    def folder(self) -> bytes:
        """The folder itself, or the one with the file."""
        return self.root if self.is_folder else os.path.dirname(self.root)


def load(address: Address, access: Access) -> FilesSettings:
    """Return the settings of an address; looks at the files.

    Raises:
        InvalidAddress: The address names no file or folder, or has an unknown option.
    """
    address.only_options(*_OPTIONS)
    require_file_path(address, "file or folder")
    file, rest = _split(address.path)
    address = replace(address, hosts=(), path=file.removeprefix("/") + (f"/{rest}" if rest else ""))
    root = os.path.realpath(encode(file))
    is_folder = os.path.isdir(root) if os.path.exists(root) else not layout_detection.has_syntax(root)
    layout = _layout(address, root, is_folder=is_folder)
    if is_folder and layout is LayoutName.DOCUMENT:
        raise InvalidAddress(
            "the layout document is one file, not a folder",
            hint="name the file, or use ?layout=folder or ?layout=filedb",
            address=address.redacted,
        )
    if not is_folder and layout is LayoutName.FOLDER:
        raise InvalidAddress(
            "the layout folder is a folder, not a file", hint="name the folder", address=address.redacted
        )
    separator = separator_option(address)
    if layout is not LayoutName.FILEDB and separator != "/":
        raise InvalidAddress(
            f"the separator of the layout {layout} is /", hint="leave ?separator out", address=address.redacted
        )
    return FilesSettings(
        address=address,
        root=root,
        is_folder=is_folder,
        prefix=directory(address.option("prefix", "") or rest, separator),
        layout=layout,
        separator=separator,
        follow=bool_option(address, "follow"),
        poll=_poll(address),
        max_value=_bytes(address, "max_value", _MAX_VALUE),
        timeout=request_timeout(address, access),
    )


def _split(path: str) -> tuple[str, str]:
    """Return the absolute path of the file or folder, and what follows a file as a prefix."""
    at = path.find("/")
    while at >= 0:
        file = absolute_path(path[:at]) if path[:at] else "/"
        if os.path.isfile(encode(file)):
            return file, path[at + 1 :]
        at = path.find("/", at + 1)
    return absolute_path(path), ""


def _layout(address: Address, root: bytes, *, is_folder: bool) -> LayoutName:
    text = address.option("layout", "")
    if not text:
        if is_folder:
            return LayoutName.FILEDB if layout_detection.is_filedb_folder(root) else LayoutName.FOLDER
        if layout_detection.has_syntax(root):
            return LayoutName.FILEDB if layout_detection.is_filedb_file(root) else LayoutName.DOCUMENT
        raise InvalidAddress(
            "the file is no .json, .yaml, .yml or .toml",
            hint="name its folder to see the file as a key",
            address=address.redacted,
        )
    try:
        return LayoutName(text)
    except ValueError:
        raise InvalidAddress(
            f"unknown layout {text!r}", hint=f"one of {', '.join(LayoutName)}", address=address.redacted
        ) from None


def _poll(address: Address) -> float | None:
    text = address.option("poll", "")
    if text not in ("0", "1") and text.replace(".", "").isdigit():
        return seconds_option(address, "poll", _POLL_INTERVAL)
    return _POLL_INTERVAL if bool_option(address, "poll") else None


def _bytes(address: Address, name: str, default: int) -> int:
    text = address.option(name, str(default))
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise InvalidAddress(f"{text!r} is no number of bytes", hint=f"?{name}={default}", address=address.redacted)
    return int(text)
