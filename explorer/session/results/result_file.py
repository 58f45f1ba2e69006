"""Files that lists of results are written to: one JSON object a line, readable by their owner only."""

import asyncio
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from explorer.plans.search import SearchHit

_MODE: Final = 0o600
"""The file may hold values."""


@dataclass(frozen=True, slots=True)
class ResultFile:
    """A file that does not exist yet."""

    path: Path

    def write(self, lines: Sequence[str]) -> None:
        """Write lines.

        Raises:
            OSError: The file exists, or cannot be written.
        """
        number = os.open(self.path.expanduser(), os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)


async def write_list(name: str, lines: Sequence[str]) -> str:
    """Write lines to a new file, and return what is wrong; empty if nothing is."""
    file = ResultFile(Path(name))
    try:
        await asyncio.to_thread(file.write, lines)
    except (OSError, ValueError) as error:
        return f"{name}: {getattr(error, 'strerror', None) or error}"
    return ""


def hit_line(hit: SearchHit) -> str:
    """Return a hit as `keyscope find --json` prints it."""
    return json.dumps({"key": hit.key, "where": hit.where, "match": hit.match})
