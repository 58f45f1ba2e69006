"""Log records of requests and writes: names, keys and outcomes, never a value, a token or a header."""

import logging
import time
from collections.abc import Awaitable, Generator
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


async def logged_write(write: Awaitable[Written], action: str, address: str, key: str) -> Written:
    """Await a write and log its outcome.

    Args:
        write: The write; the revision of an entry or the number of entries that it returns is logged.
        action: Name of the write, such as "put".
        address: The address without secrets.
        key: The key or prefix.

    Raises:
        BaseException: The write failed.
    """
    subject = sanitize(key) or "all keys"
    try:
        written = await write
    except ExplorerError as error:
        _LOG.info("%s %s in %s: %s", action, subject, address, type(error).__name__)
        raise
    except BaseException as error:
        _LOG.info("%s %s in %s: outcome unknown (%s)", action, subject, address, type(error).__name__)
        raise
    match written:
        case Entry(revision=revision):
            _LOG.info("%s %s in %s: done, revision %s", action, subject, address, sanitize(str(revision)))
        case int():
            _LOG.info("%s %s in %s: done, %d entries", action, subject, address, written)
        case _:
            _LOG.info("%s %s in %s: done", action, subject, address)
    return written
