"""Log records of requests and writes: names, keys and outcomes, never a value, a token or a header."""

import logging
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final, TypeVar

from explorer.model.entries import Entry
from explorer.model.errors import ExplorerError
from explorer.model.sanitize import sanitize

Written = TypeVar("Written")

_LOG: Final = logging.getLogger(__package__)


def log_request(log: logging.Logger, name: str, endpoint: object, began: float, status: str) -> None:
    """Log one request.

    Args:
        log: Logger of the driver's package.
        name: Name of the request, without anything that may be a secret or a value.
        endpoint: The endpoint.
        began: When it was sent, by `time.monotonic`.
        status: Status of the response.
    """
    if log.isEnabledFor(logging.DEBUG):
        log.debug("%s at %s: %s in %.1f ms", sanitize(name), endpoint, status, (time.monotonic() - began) * 1000)


@contextmanager
def logged_request(log: logging.Logger, name: str, endpoint: object) -> Generator[None, None, None]:
    """Log the request that is sent in the block, with its duration and the type of its error."""
    began, status = time.monotonic(), "OK"
    try:
        yield
    except BaseException as error:
        status = type(error).__name__
        raise
    finally:
        log_request(log, name, endpoint, began, status)


class LoggedWrite:
    """The outcome of a write, for its log record."""

    def __init__(self) -> None:
        self.written: object = None

    def done(self, written: Written) -> Written:
        """Note and return what was written: an entry, whose revision is logged, or the number of entries."""
        self.written = written
        return written


@contextmanager
def logged_write(action: str, address: str, key: str) -> Generator[LoggedWrite, None, None]:
    """Log the outcome of the write that the block awaits and notes.

    Args:
        action: Name of the write, such as "put".
        address: The address without secrets.
        key: The key or prefix.
    """
    subject, record = sanitize(key) or "all keys", LoggedWrite()
    try:
        yield record
    except ExplorerError as error:
        _LOG.info("%s %s in %s: %s", action, subject, address, type(error).__name__)
        raise
    except BaseException as error:
        _LOG.info("%s %s in %s: outcome unknown (%s)", action, subject, address, type(error).__name__)
        raise
    match record.written:
        case Entry(revision=revision):
            _LOG.info("%s %s in %s: done, revision %s", action, subject, address, sanitize(str(revision)))
        case int(count):
            _LOG.info("%s %s in %s: done, %d entries", action, subject, address, count)
        case _:
            _LOG.info("%s %s in %s: done", action, subject, address)
