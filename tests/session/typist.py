"""A process of its own in which a person types: it says what was typed when, until it is killed.

Arguments: the folder for drafts, and a number that makes the key.
"""

import asyncio
import sys
import time
from pathlib import Path

from explorer.drivers.memory import MemoryStore
from explorer.model.address import parse
from tests.session.ground import Place, editing, opened


async def type_on(folder: Path, key: str) -> None:
    """Type a character every few milliseconds for ever."""
    place = Place()
    async with MemoryStore(parse("memory:"), keyspace=place.keyspace) as other:
        await other.put(key, b"begun: ")
        async with opened(place, drafts=folder) as session:
            edit = await editing(session, key)
            for number in range(1_000_000):
                edit.draft(f"{edit.text}{number} ")
                sys.stdout.write(f"{number} {time.monotonic()}\n")
                sys.stdout.flush()
                await asyncio.sleep(0.01)


if __name__ == "__main__":
    asyncio.run(type_on(Path(sys.argv[1]), sys.argv[2]))
