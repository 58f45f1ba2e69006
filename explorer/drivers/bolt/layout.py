"""Layouts: how programs arrange their keys and values in a file, and which one a file has.

libkv and valkeyrie write all keys of a store into one bucket, and a number of eight bytes before each value; cn-infra
all keys into the bucket `root`. etcd keeps its own data in a file, by revision.
"""

from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Final

from explorer.drivers.bolt.bucket import Bucket
from explorer.drivers.bolt.errors import DamagedFileError
from explorer.drivers.bolt.file import BoltFile

CN_INFRA_BUCKET: Final = b"root"
REVISION_BUCKET: Final = b"key"
_ETCD_BUCKETS: Final = {REVISION_BUCKET, b"lease", b"meta"}
_MAX_BUCKETS: Final = 32
_READ_ONLY: Final = "this file is etcd's own data: a change would not fit its history"


class BoltLayout(StrEnum):
    """Names of the layouts, as `?layout=` has them."""

    BUCKETS = "buckets"
    """Buckets are directories."""
    LIBKV = "libkv"
    VALKEYRIE = "valkeyrie"
    CN_INFRA = "cn-infra"
    ETCD = "etcd"

    @property
    def is_flat(self) -> bool:
        """True if all keys are in one bucket, and a separator divides their names."""
        return self in (BoltLayout.LIBKV, BoltLayout.VALKEYRIE, BoltLayout.CN_INFRA)

    @property
    def has_index(self) -> bool:
        """True if a number stands before each value."""
        return self in (BoltLayout.LIBKV, BoltLayout.VALKEYRIE)

    @property
    def read_only_reason(self) -> str | None:
        """Why nothing can be written; None if it can."""
        return _READ_ONLY if self is BoltLayout.ETCD else None


def detect(path: Path) -> tuple[BoltLayout, list[bytes]]:
    """Return the layout of a file by its first buckets, and these; the common one if they cannot be read.

    The file is read without its lock: its layout does not change with a transaction.
    """
    try:
        names = _bucket_names(path)
    except (OSError, ValueError, DamagedFileError):  # ValueError: the path has a NUL
        return BoltLayout.BUCKETS, []
    if names == [CN_INFRA_BUCKET]:
        return BoltLayout.CN_INFRA, names
    return BoltLayout.ETCD if set(names) >= _ETCD_BUCKETS else BoltLayout.BUCKETS, names


def _bucket_names(path: Path) -> list[bytes]:
    file = BoltFile(path)
    try:
        return [element.key for element in islice(Bucket.root_of(file.view()).elements(), _MAX_BUCKETS)]
    finally:
        file.close()
