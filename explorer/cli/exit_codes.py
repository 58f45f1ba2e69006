"""Exit codes of the command, and the one line that an error prints."""

import os
import sys
from enum import IntEnum

from explorer.model.errors import (
    BackendNotSupported,
    CannotLock,
    Conflict,
    Denied,
    ExplorerError,
    InvalidAddress,
    InvalidKey,
    InvalidPlan,
    InvalidText,
    KeyNotFound,
    NotReachable,
    OutcomeUnknown,
    PreviousNotSpecified,
    SchemaFailed,
)
from explorer.model.sanitize import sanitize


class ExitCode(IntEnum):
    """Exit codes for scripts; the meaning of a number never changes."""

    SUCCESS = 0
    FAILURE = 1
    """Any error without a code of its own."""
    USAGE = 2
    """Invalid command line, address, profile, key, schema or text to encode."""
    NOT_FOUND = 3
    CONFLICT = 4
    """The key was changed by another client and nothing was written, or the lock was not acquired or is lost."""
    UNREACHABLE = 5
    DENIED = 6
    OUTCOME_UNKNOWN = 7
    """A write was sent and its answer lost: read before writing again."""
    CANNOT_EXECUTE = 126
    """`lock`: its command cannot be executed; as in shells."""
    COMMAND_NOT_FOUND = 127
    """`lock`: its command was not found; as in shells."""
    INTERRUPTED = 130
    """Interrupted by ctrl-C: 128 and the signal's number, as in shells."""
    BROKEN_PIPE = 141
    """The reader of the output closed it, as `head` does."""


class UsageError(ExplorerError):
    """An invalid command line."""


def exit_code(error: BaseException) -> ExitCode:
    """Return the exit code of an error."""
    match error:
        case UsageError() | InvalidAddress() | BackendNotSupported() | InvalidKey() | PreviousNotSpecified():
            return ExitCode.USAGE
        case InvalidText() | InvalidPlan() | SchemaFailed():
            return ExitCode.USAGE
        case KeyNotFound():
            return ExitCode.NOT_FOUND
        case Conflict() | CannotLock():
            return ExitCode.CONFLICT
        case NotReachable():
            return ExitCode.UNREACHABLE
        case Denied():
            return ExitCode.DENIED
        case OutcomeUnknown():
            return ExitCode.OUTCOME_UNKNOWN
        case KeyboardInterrupt():
            return ExitCode.INTERRUPTED
        case BrokenPipeError():
            return ExitCode.BROKEN_PIPE
        case _:
            return ExitCode.FAILURE


def error_line(error: ExplorerError | OSError) -> str:
    """Return the one line of an error, sanitized: what happened and what to do."""
    if isinstance(error, ExplorerError):
        return sanitize(f"keyscope: {error}" + (f": {error.hint}" if error.hint else ""))
    subject = f"{os.fspath(error.filename)!r}" if isinstance(error.filename, str | os.PathLike) else "input or output"
    return sanitize(f"keyscope: {subject}: {error.strerror or error}")


def print_error(error: BaseException) -> ExitCode:
    """Print the line of an error to standard error, and return its exit code.

    Raises:
        BaseException: The error itself if it is an internal one, for its traceback.
    """
    error = first_error(error)
    match error:
        case KeyboardInterrupt() | BrokenPipeError():
            pass
        case ExplorerError() | OSError():
            print_stderr(error_line(error))
        case _:
            raise error
    return exit_code(error)


def first_error(error: BaseException) -> BaseException:
    """Return the first error of an exception group, or the error itself."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def print_stderr(line: str) -> None:
    """Print one line to standard error, if that is possible."""
    try:
        if sys.stderr is not None:  # closed by the caller: `2>&-`
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()
    except OSError:
        return


def flush_output(code: int) -> int:
    """Flush standard output and return the final exit code, which is not 0 if output could not be written."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        # Python would flush once more at exit, and complain.
        with open(os.devnull, "wb") as devnull:  # noqa: PTH123 - a device, not a path of ours
            os.dup2(devnull.fileno(), sys.stdout.fileno())
        return code or print_error(error)
    return code
