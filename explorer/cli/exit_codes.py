"""How a run ends: errors as exit codes and as one line that a person can act on."""

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
    InvalidText,
    KeyNotFound,
    NotReachable,
    OutcomeUnknown,
    PreviousNotSpecified,
    SchemaFailed,
)
from explorer.model.sanitize import sanitize


class ExitCode(IntEnum):
    """What a script can rely on; a release never changes the meaning of a number."""

    DONE = 0
    FAILED = 1
    """Anything that has no number of its own."""
    USAGE = 2
    """The command line, an address, a profile, a key, a schema or a text to encode cannot be understood."""
    NOT_FOUND = 3
    CONFLICT = 4
    """Somebody else was first: nothing was written, or the lock was not obtained or is lost."""
    UNREACHABLE = 5
    DENIED = 6
    UNKNOWN = 7
    """A write was sent and its answer lost: read before writing again."""
    CANNOT_RUN = 126
    """`lock`: its command cannot be run, as shells say it."""
    NO_COMMAND = 127
    """`lock`: its command was not found, as shells say it."""
    INTERRUPTED = 130
    """By ctrl-C; 128 and the signal's number, as shells say it."""
    PIPE_CLOSED = 141
    """The reader of the output went away first, as `head` does."""


class UsageError(ExplorerError):
    """The words of the command line do not make a command that can be run."""


def exit_code(error: BaseException) -> ExitCode:
    """Give the exit code of an error."""
    match error:
        case UsageError() | InvalidAddress() | BackendNotSupported() | InvalidKey() | PreviousNotSpecified():
            return ExitCode.USAGE
        case InvalidText() | SchemaFailed():
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
            return ExitCode.UNKNOWN
        case KeyboardInterrupt():
            return ExitCode.INTERRUPTED
        case BrokenPipeError():
            return ExitCode.PIPE_CLOSED
        case _:
            return ExitCode.FAILED


def error_line(error: ExplorerError | OSError) -> str:
    """Give the one line that says what happened and what can be done; harmless whatever a server put in it."""
    if isinstance(error, ExplorerError):
        return sanitize(f"keyscope: {error}" + (f": {error.hint}" if error.hint else ""))
    what = f"{os.fspath(error.filename)!r}" if isinstance(error.filename, str | os.PathLike) else "input or output"
    return sanitize(f"keyscope: {what}: {error.strerror or error}")


def print_error(error: BaseException) -> ExitCode:
    """Say on standard error what a person should read, and give the exit code.

    Raises:
        BaseException: The error itself, when it is a fault of the program and its traceback is wanted.
    """
    error = first(error)
    match error:
        case KeyboardInterrupt() | BrokenPipeError():
            pass
        case ExplorerError() | OSError():
            say(error_line(error))
        case _:
            raise error
    return exit_code(error)


def first(error: BaseException) -> BaseException:
    """Give the error itself, or what a group of tasks failed with first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def say(line: str) -> None:
    """Write one line to standard error; nobody can be told when that fails."""
    try:
        if sys.stderr is not None:  # closed by the caller: `2>&-`
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()
    except OSError:
        return


def leave(code: int) -> int:
    """Write out what is left and give the final exit code: output that could not be written is not done."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        # Python would try once more at its end, and complain.
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device, not a path of ours
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        return code or print_error(error)
    return code
