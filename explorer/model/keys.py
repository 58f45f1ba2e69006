"""Keys as text, and the tree they form by splitting at a separator.

A key is a `str` exactly as the store spells it; bytes that are not UTF-8 are kept by surrogateescape, as `os.fsdecode`
does. A prefix is a directory: `foo` and `foo/` both mean what lies below `foo/`, never `foobar`. Splitting loses
nothing: below `a/` the key `a//b` is the child with the empty name, whose own prefix is `a//`.
"""

from explorer.model.errors import InvalidKey


def encode(key: str) -> bytes:
    """Give the bytes of a key.

    Raises:
        InvalidKey: The text holds a code point that no bytes stand for (a surrogate that is not an escaped byte).
    """
    try:
        return key.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        message = "a key cannot hold a lone surrogate code point"
        raise InvalidKey(message, key=ascii(key)) from error


def decode(data: bytes) -> str:
    """Give the text of a key; `encode` gives the same bytes back, whatever they are."""
    return data.decode("utf-8", "surrogateescape")


def directory(prefix: str, separator: str = "/") -> str:
    """Spell a prefix as a directory: empty for everything, else ending with the separator."""
    return prefix if not prefix or prefix.endswith(separator) else prefix + separator


def first_name(rest: str, separator: str = "/") -> tuple[str, bool]:
    """Split what follows a directory into the name of its child and whether there is more below that child."""
    name, more, _ = rest.partition(separator)
    return name, bool(more)


def range_end(prefix: bytes) -> bytes:
    r"""Give the first bytes after all that start with `prefix`; `b"\0"`, etcd's word for no end, if there are none.

    >>> range_end(b"a/")
    b'a0'
    """
    kept = prefix.rstrip(b"\xff")
    return kept[:-1] + bytes([kept[-1] + 1]) if kept else b"\0"
