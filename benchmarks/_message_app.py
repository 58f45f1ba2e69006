"""The app on a demo that stands still, with messages of 13 kB in it; a program for a terminal."""

import asyncio
import sys

import _side_by_side  # noqa: F401 - finds the checkout

from explorer.codecs.load import codecs_for
from explorer.drivers.memory import DemoStore
from explorer.drivers.memory.demo.protobuf_encode import nested, text, unsigned
from explorer.model.address import parse
from explorer.session.session import Session
from explorer.tui.app import Keyscope

FOLDER = "service/access/devices/"
MESSAGE = "keyscope.demo.Device"
DEVICES = 20
_PORTS = 620


def key(number: int) -> str:
    """Return the key of a large device; all come before the demo's own."""
    return f"{FOLDER}big-{number:02}"


def large(number: int) -> bytes:
    """Make a device with very many ports."""
    ports = (
        unsigned(1, port) + text(2, f"port-{port:03}") + unsigned(3, 1) + unsigned(4, 1) + unsigned(5, 10_000)
        for port in range(1, _PORTS + 1)
    )
    return text(1, f"unit-{number:02}") + text(2, "Northlight") + b"".join(nested(8, port) for port in ports)


def demo() -> DemoStore:
    """Make the store."""
    return DemoStore(parse("demo:?still"))


async def main() -> None:
    """Show it until the end."""
    store = demo()
    await store.connect()
    for number in range(DEVICES):
        await store.put(key(number), large(number))
    stores = iter((store,))
    async with Session(lambda: next(stores, None) or store.clone(), codecs_for(store)) as session:
        await Keyscope(session).run_async()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
