"""Detection of the layout of a file or folder that is opened without `?layout=`."""

import os
import re
import stat
from typing import Final

SYNTAXES: Final = (b".json", b".yaml", b".yml", b".toml")
FILEDB_SYNTAXES: Final = (b".json", b".yaml", b".yml")
"""Extensions of the files that cn-infra's FileDB reads; it skips all others."""
_HEAD_SIZE: Final = 4096
_SAMPLE_SIZE: Final = 3
"""Number of files of a folder that are looked at."""
_JSON_HEAD: Final = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*"data"\s*:\s*\[\s*(?:\]|\{\s*"(?:key|value)"\s*:)')
_YAML_HEAD: Final = re.compile(
    rb"""(?:\xef\xbb\xbf)?(?:\s*(?:\#[^\n]*)?\n|---[^\n]*\n)*data:[ \t]*(?:\#[^\n]*)?\n"""
    rb"""(?:\s*(?:\#[^\n]*)?\n)*[ \t]*-[ \t]+["']?(?:key|value)["']?[ \t]*:"""
)


def has_syntax(path: bytes) -> bool:
    """Return whether a file has the extension of a syntax that is read."""
    return path.lower().endswith(SYNTAXES)


def is_filedb_file(path: bytes) -> bool:
    """Return whether a file begins as a file of FileDB does: a list `data` of items with a key and a value."""
    if not path.endswith(FILEDB_SYNTAXES):
        return False
    head = _head(path)
    return bool((_JSON_HEAD if path.endswith(b".json") else _YAML_HEAD).match(head) or _JSON_HEAD.match(head))


def is_filedb_folder(path: bytes) -> bool:
    """Return whether a folder has files of FileDB only; hidden ones and folders are not looked at."""
    try:
        with os.scandir(path) as entries:
            names = [entry.name for entry in entries if not entry.name.startswith(b".") and not entry.is_dir()]
    except OSError:
        return False
    return bool(names) and all(
        name.endswith(FILEDB_SYNTAXES) and is_filedb_file(os.path.join(path, name))
        for name in sorted(names)[:_SAMPLE_SIZE]
    )


def _head(path: bytes) -> bytes:
    """Return the beginning of a regular file; nothing if it cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(descriptor, _HEAD_SIZE) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
    except OSError:
        return b""
    finally:
        os.close(descriptor)
