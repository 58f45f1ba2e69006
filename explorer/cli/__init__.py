"""The `keyscope` command: one module per family of verbs; errors become exit codes in `exits` and nowhere else."""

import sys
from collections.abc import Sequence

from explorer.cli import exits, parsing


def main(words: Sequence[str] | None = None) -> int:
    """Run the command and give its exit code; `exits.Code` lists them.

    Args:
        words: What follows the command's name; by default what the process was started with.
    """
    words = sys.argv[1:] if words is None else words
    try:
        if not words:
            from explorer.cli.start import start  # noqa: PLC0415 - rarely wanted

            return exits.leave(start())
        command = parsing.parse(words)
        from explorer.cli.running import run  # noqa: PLC0415 - `--help` and `--version` answer without asyncio

        code = run(command)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - raised again unless it is a person's to read
        code = exits.tell(error)
    return exits.leave(code)
