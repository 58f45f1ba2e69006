"""Stream all keys of a prefix and count them; a process of its own, so that its memory is all its own."""

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import explorer


async def count(url: str, prefix: str) -> None:
    """Count the keys below a prefix."""
    async with explorer.open(url) as store:
        number = 0
        async for _ in store.walk(prefix, values=False):
            number += 1
        print(number, flush=True)  # while the store is open, so that what it took can still be read


asyncio.run(count(sys.argv[1], sys.argv[2]))
