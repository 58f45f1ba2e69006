"""Internal errors: unexpected exceptions are logged and kept in a file, and the app goes on."""

import logging
import os
import time
import traceback
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

from explorer.model.errors import ExplorerError
from explorer.model.sanitize import sanitize

MAX_FILES: Final = 20
"""Maximum number of files; older ones are removed."""
MAX_LOCATIONS: Final = 100
"""Maximum number of code locations for which it is remembered that a file exists."""
REPEAT_INTERVAL: Final = 10.0
"""Seconds in which the same internal error is shown once: a failing redraw may repeat it constantly."""

_LOG: Final = logging.getLogger(__package__)


class InternalErrors:
    """Reports unexpected exceptions without their messages, which may contain values or secrets."""

    def __init__(self, folder: Path | None = None) -> None:
        """Prepare for reports.

        Args:
            folder: Where tracebacks are kept; None keeps none.
        """
        self.folder = folder
        self.on_report: Callable[[str], None] | None = None
        """Called with one line to show."""
        self.recent: deque[Exception] = deque(maxlen=MAX_FILES)
        """Exceptions reported last."""
        self._files: dict[str, Path | None] = {}
        self._shown: dict[str, float] = {}

    def report(self, error: Exception, where: str) -> str:
        """Report an exception and return the line that was shown; an error of the store is shown only, not kept.

        Args:
            error: Exception that nothing else handles.
            where: What was running, such as the name of a task.
        """
        error = _cause(error)
        internal = not isinstance(error, ExplorerError)
        line = self._internal(error, where) if internal else full_message(error)
        now = time.monotonic()
        is_repeated = internal and now - self._shown.get(line, -REPEAT_INTERVAL) < REPEAT_INTERVAL
        if self.on_report is not None and not is_repeated:
            self._shown = {line: now}
            self.on_report(line)
        return line

    def _internal(self, error: Exception, where: str) -> str:
        self.recent.append(error)
        location = _location(error)
        if location not in self._files:
            if len(self._files) >= MAX_LOCATIONS:
                self._files.clear()
            self._files[location] = self._write(error, where)
        file = self._files[location]
        details = "details not kept" if file is None else f"details in {_shortened(file)}"
        line = f"internal error: {type(error).__name__} in {location} ({details})"
        _LOG.error("%s, while: %s", sanitize(line), sanitize(where))
        for part in format_trace(error).splitlines():
            _LOG.error("  %s", sanitize(part))
        return line

    def _write(self, error: Exception, where: str) -> Path | None:
        if self.folder is None:
            return None
        now = datetime.now(UTC)
        text = f"{now:%Y-%m-%d %H:%M:%S} UTC, process {os.getpid()}, while: {where}\n{format_trace(error)}"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = self.folder / f"{now:%Y%m%d-%H%M%S}-{uuid4().hex[:8]}.txt"
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as lines:
                lines.write(text)
            for old in sorted(self.folder.glob("*.txt"))[:-MAX_FILES]:
                old.unlink()
        except OSError:
            return None
        return file


def full_message(error: Exception) -> str:
    """Return the message of an error of the store, with its hint."""
    if not isinstance(error, ExplorerError):
        return str(error)
    return f"{error.message}. {error.hint}" if error.hint else error.message


def as_failure(error: Exception) -> ExplorerError:
    """Return the error to show for an unexpected exception."""
    return ExplorerError(f"internal error: {type(error).__name__}", hint="Please report it.")


def _cause(error: Exception) -> Exception:
    """Return the exception inside of a wrapper (Textual's WorkerFailed, a group)."""
    inner: object = getattr(error, "error", None)  # WorkerFailed; Textual is not imported here
    if type(error).__name__ == "WorkerFailed" and isinstance(inner, Exception):
        return _cause(inner)
    if isinstance(error, ExceptionGroup):
        return _cause(error.exceptions[0])
    return error


def _location(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return "an unknown place"
    own = [frame for frame in frames if "explorer" in Path(frame.filename).parts]
    frame = (own or frames)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"


def format_trace(error: BaseException) -> str:
    """Return the tracebacks of an exception and its causes: locations and types, no messages and no values."""
    parts = [f"{type(error).__module__}.{type(error).__qualname__}\n"]
    parts += traceback.format_list(traceback.extract_tb(error.__traceback__))
    if isinstance(error, BaseExceptionGroup):
        parts += [f"within the group:\n{format_trace(one)}" for one in error.exceptions]
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        parts.append(f"caused by:\n{format_trace(cause)}")
    return "".join(parts)


def _shortened(file: Path) -> str:
    with suppress(ValueError, RuntimeError):
        return f"~/{file.relative_to(Path.home())}"
    return str(file)
