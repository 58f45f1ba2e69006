"""Log file of `--log-file` and KEYSCOPE_LOG; see docs/logging.md."""

import logging
import os
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from explorer.cli.arguments import LogOptions
from explorer.cli.exit_codes import UsageError, first_error
from explorer.model.sanitize import sanitize
from explorer.session.internal_errors import format_trace
from explorer.version import __version__

_ROOT_LOGGER: Final = "explorer"
"""Parent of all of Keyscope's loggers."""


@contextmanager
def log_file(log: LogOptions) -> Generator[None, None, None]:
    """Write Keyscope's log records to a file while the block runs.

    Raises:
        UsageError: The file cannot be opened.
    """
    logger = logging.getLogger(_ROOT_LOGGER)
    handler = _handler(log.file)
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(log.level.upper())
    logger.info("keyscope %s, process %d, level %s", __version__, os.getpid(), log.level)
    try:
        yield
    except BaseException as error:
        logger.info("ended by %s", type(first_error(error)).__name__)
        raise
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)
        handler.close()


def _handler(file: Path) -> logging.Handler:
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOCTTY, 0o600)
    except OSError as error:
        raise UsageError(
            f"cannot open log file {str(file)!r}: {error.strerror}", hint="choose another with --log-file"
        ) from error
    handler = _FileHandler(os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace"))
    handler.setFormatter(_Formatter())
    return handler


class _FileHandler(logging.StreamHandler):  # type: ignore[type-arg] # generic for type checkers alone
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Drop a record that cannot be written, as on a full disk, instead of printing it to the terminal."""

    def close(self) -> None:
        """Close the file; ignore what a full disk did not take."""
        try:
            self.stream.close()
        except OSError as error:
            del error
        super().close()


class _Formatter(logging.Formatter):
    """Formats `2026-11-27T04:00:00.123Z level logger message` on one line; tracebacks have no error messages."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        stamp = f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
        head = f"{stamp} {record.levelname.lower()} {record.name}"
        lines = [record.getMessage()]
        if record.exc_info is not None and record.exc_info[1] is not None:
            lines += format_trace(record.exc_info[1]).splitlines()
        return "\n".join(f"{head} {sanitize(line)}" for line in lines)
