"""The `keyscope` command: a module per family of verbs; errors become exit codes in `exit_codes` alone."""

import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from explorer.cli import arguments, command_line, exit_codes


def main(words: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code, see `exit_codes.ExitCode`.

    Args:
        words: The arguments; those of the process by default.
    """
    words = sys.argv[1:] if words is None else words
    if "_ARGCOMPLETE" in os.environ:  # set by the shell's script while it completes a command line
        from explorer.cli.completion import complete  # noqa: PLC0415 - no other run needs it

        complete()
    try:
        if not words:
            from explorer.cli.start import start  # noqa: PLC0415 - rarely needed

            return exit_codes.flush_output(start())
        command = command_line.parse(words)
        if isinstance(command.subcommand, arguments.CompletionArguments):
            from explorer.cli.completion import script  # noqa: PLC0415 - rarely needed

            sys.stdout.write(script(command.subcommand.shell))
            return exit_codes.flush_output(exit_codes.ExitCode.SUCCESS)
        from explorer.cli.run import run  # noqa: PLC0415 - `--help` and `--version` answer without asyncio

        with logged(command):
            code = run(command)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - raised again if it is an internal error
        code = exit_codes.print_error(error)
    return exit_codes.flush_output(code)


def logged(command: arguments.Command) -> AbstractContextManager[None]:
    """Return the context that appends log records to the file of a command, if it has one."""
    if command.log is None:
        return nullcontext()
    from explorer.cli.log_file import log_file  # noqa: PLC0415 - rarely needed

    return log_file(command.log)
