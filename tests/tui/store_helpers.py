"""Helpers for the contents of a store that a terminal shows."""

import asyncio

from explorer import open as open_store


async def filled(url: str, values: dict[str, bytes]) -> None:
    async with open_store(url) as store:
        for key, value in values.items():
            await store.put(key, value)


def fill(url: str, **values: str) -> None:
    asyncio.run(filled(url, {key: value.encode() for key, value in values.items()}))


def read(url: str, key: str) -> bytes | None:
    async def get() -> bytes | None:
        async with open_store(url) as store:
            return (await store.get(key)).value

    return asyncio.run(get())
