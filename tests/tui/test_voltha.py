"""Real stores full of VOLTHA's messages, whose schemas nobody here wrote: browsed, edited, raced and merged."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from google.protobuf.message import Message

import explorer
from explorer.codecs.load import codecs_for
from explorer.codecs.options import CodecOptions
from explorer.codecs.protobuf import wire
from explorer.codecs.protobuf.fields import serialized
from explorer.drivers.base import Store
from explorer.opener import opener
from tests.codecs.common import installed, made, voltha
from tests.servers.fixtures import shared_server
from tests.tui.app_harness import NARROW, WIDE, Page, browsing
from tests.tui.reference_clients import Server, stores_and_sizes, url_of

__all__ = ["shared_server"]

LATER = wire.delimited(9999, b"from a later version")
"""A field that the schema does not know."""
TOP = "service/voltha/voltha_voltha"
DEVICE = f"{TOP}/devices/0001ac92"
RULES = """\
version = 1
[schemas.voltha]
paths = ["{folder}"]
[[map]]
key = "{root}/service/voltha/*/devices/{{id}}"
type = "device.Device"
schema = "voltha"
[[map]]
key = "{root}/service/voltha/*/ports/{{id}}/*"
type = "device.Port"
schema = "voltha"
[[map]]
key = "{root}/service/voltha/*/logical_devices/*"
type = "logical_device.LogicalDevice"
schema = "voltha"
"""


def message(name: str, **fields: object) -> Message:
    """Make a message; what the schema does not know is at its end."""
    found: Message = made(name, voltha())()
    for field, value in fields.items():
        setattr(found, field, value)
    return found


def device(number: int) -> bytes:
    """A device, with a field from a later version."""
    found = message(
        "device.Device", id=f"{number:04}ac92", type="brcm_openomci_onu", vendor="Broadcom", serial_number="BRCM1"
    )
    return serialized(found) + LATER


@asynccontextmanager
async def network(server: Server, name: str, tmp_path: Path) -> AsyncGenerator[tuple[Store, str, Path]]:
    url = url_of(server, name)
    rules = tmp_path / "codecs.toml"
    rules.write_text(RULES.format(folder=installed("voltha_protos"), root=name))
    async with explorer.open(url) as store:
        for number in range(1, 4):
            await store.put(f"{TOP}/devices/{number:04}ac92", device(number))
            port = message("device.Port", port_no=number, label=f"uni-{number}")
            await store.put(f"{TOP}/ports/{number:04}ac92/1", serialized(port) + LATER)
        logical = message("logical_device.LogicalDevice", id="00:00:01", datapath_id=1)
        await store.put(f"{TOP}/logical_devices/00:00:01", serialized(logical) + LATER)
        yield store, url, rules


@asynccontextmanager
async def looking(url: str, rules: Path, size: tuple[int, int]) -> AsyncGenerator[Page]:
    connect = opener(url)
    codecs = codecs_for(connect(), CodecOptions(codecs=rules))
    async with browsing(connect, codecs, size=size, writable=True) as page:
        yield page


async def go(page: Page, key: str) -> None:
    await page.press(":")
    await page.type(key)
    await page.press("enter")


async def write_vendor(page: Page, vendor: str) -> None:
    """Write the line of the vendor anew."""
    lines = page.session.current_edit.text.split("\n") if page.session.current_edit else []
    line = next(number for number, text in enumerate(lines) if text.startswith("vendor:"))
    await page.press("ctrl+home", *["down"] * line, "end", "ctrl+u")
    await page.type(f'vendor: "{vendor}"')


def fields(value: bytes | None) -> list[tuple[int, bytes]]:
    """Return the fields of a message as they lie in its bytes, in their order."""
    data = value or b""
    return [(span.number, data[span.start : span.end]) for span in wire.spans(data)]


async def test_voltha_messages_are_decoded(shared_server: Server, tmp_path: Path) -> None:
    async with (
        network(shared_server, "read", tmp_path) as (_, url, rules),
        looking(url, rules, NARROW) as page,
    ):
        await go(page, DEVICE)
        await page.shows('vendor: "Broadcom"', "device.Device")
        await go(page, f"{TOP}/ports/0002ac92/1")
        await page.shows('label: "uni-2"', "device.Port")
        await go(page, f"{TOP}/logical_devices/00:00:01")
        await page.shows("datapath_id: 1", "LogicalDevice")


@stores_and_sizes
async def test_voltha_edit_changes_one_field_only(shared_server: Server, tmp_path: Path, size: tuple[int, int]) -> None:
    async with (
        network(shared_server, f"edit{size[0]}", tmp_path) as (store, url, rules),
        looking(url, rules, size) as page,
    ):
        before = device(1)
        await go(page, DEVICE)
        await page.shows('vendor: "Broadcom"')
        await page.press("e")
        await write_vendor(page, "Nokia")
        await page.press("ctrl+s")
        await page.shows('-vendor: "Broadcom"', '+vendor: "Nokia"')
        await page.press("ctrl+s")
        await page.shows("saved")
        after = (await store.get(DEVICE)).value
        assert after == before.replace(b"\x08Broadcom", b"\x05Nokia")
        vendor = 5
        assert [field for field in fields(after) if field[0] != vendor] == [
            field for field in fields(before) if field[0] != vendor
        ]


async def test_voltha_conflict_is_merged_by_field(shared_server: Server, tmp_path: Path) -> None:
    async with (
        network(shared_server, "race", tmp_path) as (store, url, rules),
        looking(url, rules, WIDE) as page,
    ):
        theirs = device(1).replace(b"\x05BRCM1", b"\x05BRCM2")
        await go(page, DEVICE)
        await page.shows('vendor: "Broadcom"')
        await page.press("e")
        await write_vendor(page, "Nokia")
        await store.put(DEVICE, theirs)
        await page.shows("Another client has changed this key meanwhile")
        await page.press("ctrl+s", "ctrl+s")
        await page.shows("nothing was written", "The changes can be merged without a conflict")
        assert (await store.get(DEVICE)).value == theirs
        await page.press("b")
        await page.shows('serial_number: "BRCM2"', 'vendor: "Nokia"')
        await page.press("ctrl+s", "ctrl+s")
        await page.shows("saved")
        assert (await store.get(DEVICE)).value == theirs.replace(b"\x08Broadcom", b"\x05Nokia")
