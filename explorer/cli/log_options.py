"""The options `--log-file` and `--log-level`, and the variable KEYSCOPE_LOG."""

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from explorer.cli.arguments import Log
from explorer.cli.exit_codes import UsageError

LEVELS: Final = ("debug", "info", "warning", "error")


def add_log_options(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    group = parser.add_argument_group("log")
    group.add_argument(
        "--log-file",
        metavar="F",
        type=Path,
        help="append what happens to this file, without secrets and values (KEYSCOPE_LOG)",
    )
    group.add_argument("--log-level", choices=LEVELS, help="with --log-file: the least that is logged (info)")


def log_from(given: Mapping[str, object]) -> Log | None:
    """Return where the log goes: what the options say, else `KEYSCOPE_LOG=[LEVEL:]FILE`; None for nowhere.

    Raises:
        UsageError: There is a level and no file.
    """
    variable = os.environ.get("KEYSCOPE_LOG", "")
    level, colon, file = variable.partition(":")
    if not colon or level not in LEVELS:
        level, file = "info", variable
    level, file = str(given.get("log_level") or level), str(given.get("log_file") or file)
    if not file and given.get("log_level"):
        raise UsageError("--log-level goes with --log-file", hint="without a file nothing is logged")
    return Log(Path(file), level) if file else None
