"""The `keyscope` command: one module per family of verbs; errors become exit codes in `exits` and nowhere else."""

import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from explorer.cli import arguments, exit_codes, parser


def main(words: Sequence[str] | None = None) -> int:
    """Run the command and give its exit code; `exits.Code` lists them.

    Args:
        words: What follows the command's name; by default what the process was started with.
    """
    words = sys.argv[1:] if words is None else words
    if "_ARGCOMPLETE" in os.environ:  # set by the shell's script while it completes a command line
        from explorer.cli.completion import complete  # noqa: PLC0415 - no other run needs it

        complete()
    try:
        if not words:
            from explorer.cli.start import start  # noqa: PLC0415 - rarely wanted

            return exit_codes.leave(start())
        command = parser.parse(words)
        if isinstance(command.wanted, arguments.Completion):
            from explorer.cli.completion import script  # noqa: PLC0415 - rarely wanted

            sys.stdout.write(script(command.wanted.shell))
            return exit_codes.leave(exit_codes.ExitCode.DONE)
        from explorer.cli.run import run  # noqa: PLC0415 - `--help` and `--version` answer without asyncio

        with _logged(command):
            code = run(command)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - raised again unless it is a person's to read
        code = exit_codes.print_error(error)
    return exit_codes.leave(code)


def _logged(command: arguments.Command) -> AbstractContextManager[None]:
    if command.log is None:
        return nullcontext()
    from explorer.cli.log_file import log_file  # noqa: PLC0415 - rarely wanted

    return log_file(command.log)
