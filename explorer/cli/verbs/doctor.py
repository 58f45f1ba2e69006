"""The verb that finds out whether and how well a store can be used: one finding after the other, until one is final."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from statistics import median
from typing import Final

from explorer.cli.console import Console
from explorer.cli.exit_codes import ExitCode, error_line, exit_code, say
from explorer.cli.output import Record
from explorer.drivers.address_hints import address_hint, has_contents
from explorer.drivers.base import Store
from explorer.model.address import Access, Host
from explorer.model.capabilities import Capability
from explorer.model.errors import Denied, ExplorerError

_PROOFS: Final = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found out: `ok`, `note` (good to know) or `bad` (not in order)."""

    state: str
    subject: str
    text: str
    figure: object = None
    """What a program would want of it."""


async def doctor(store: Store, access: Access, console: Console) -> int:
    """Look at a store from its address to its contents; give 0, or the exit code of what is wrong."""
    findings: list[Finding] = []
    code: int = ExitCode.DONE
    try:
        async with aclosing(_examine(store, access)) as found:
            async for finding in found:
                findings.append(finding)
                if finding.state == "bad":
                    code = ExitCode.FAILED
                if not console.json:
                    console.line(f"{finding.state:<5}{finding.subject:<13}{finding.text}")
                    console.flush()
    except ExplorerError as error:
        code = exit_code(error)
        findings.append(Finding("bad", "store", error_line(error)))
        say(error_line(error))
    if console.json:
        console.record(_record(store, findings, code))
    return code


def _record(store: Store, findings: list[Finding], code: int) -> Record:
    figures = {finding.subject: finding.figure for finding in findings if finding.figure is not None}
    return {
        "address": store.address.redacted,
        "healthy": code == ExitCode.DONE,
        "exit_code": int(code),
        **figures,
        "findings": [
            {"state": finding.state, "subject": finding.subject, "text": finding.text} for finding in findings
        ],
    }


async def _examine(store: Store, access: Access) -> AsyncGenerator[Finding, None]:
    address = store.address
    yield Finding("ok", "store", address.redacted)
    for warning in address.warnings:
        yield Finding("note", "store", warning)
    for host in address.hosts:
        yield await _resolved(host)
    began = time.perf_counter()
    async with store:
        yield Finding("ok", "connection", f"made in {_milliseconds(time.perf_counter() - began)} ms")
        for finding in await _status(store):
            yield finding
        yield await _latency(store)
        for finding in _capabilities(store):
            yield finding
        yield await _contents(store, access)


async def _resolved(host: Host) -> Finding:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host.name, host.port)
    except OSError as error:  # not final: another endpoint may do
        return Finding("note", "host", f"{host} has no address: {error.strerror or error}")
    return Finding("ok", "host", f"{host} is {', '.join(sorted({str(address[0]) for *_, address in found}))}")


async def _status(store: Store) -> list[Finding]:
    status = await store.status()
    facts = {
        "product": status.product,
        "version": status.version,
        "revision": status.revision,
        "identity": status.identity,
        **status.facts,
    }
    shown = ", ".join(f"{name} {fact}" for name, fact in facts.items() if fact is not None)
    complaints = [Finding("bad", "complaint", complaint) for complaint in status.complaints]
    return [Finding("ok", "status", shown, figure={**facts, "complaints": list(status.complaints)}), *complaints]


async def _latency(store: Store) -> Finding:
    took = []
    for _ in range(_PROOFS):
        began = time.perf_counter()
        with suppress(Denied):  # alive all the same
            await store.ping()
        took.append(time.perf_counter() - began)
    middle = _milliseconds(median(took))
    return Finding("ok", "latency_ms", f"{middle} ms to prove that it is alive (median of {_PROOFS})", figure=middle)


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 2)


def _capabilities(store: Store) -> list[Finding]:
    present = [_name(capability) for capability in Capability if capability in store.capabilities]
    absent = {
        _name(capability): store.unsupported_reasons.get(capability, "the store has nothing of the kind")
        for capability in Capability
        if capability not in store.capabilities
    }
    return [
        Finding("ok", "can", ", ".join(present), figure=present),
        *(Finding("note", "cannot", f"{name}: {reason}", figure=absent) for name, reason in absent.items()),
    ]


def _name(capability: Capability) -> str:
    return (capability.name or "").lower()


async def _contents(store: Store, access: Access) -> Finding:
    """Tell whether anything is stored below the address, and if not, whether a slash too few or too many is why."""
    address = store.address
    if await has_contents(store):
        return Finding("ok", "contents", f"there are keys below {address.redacted}", figure=True)
    nothing = f"nothing is stored below {address.redacted}"
    nearby = await address_hint(address, access)
    return Finding("note", "contents", f"{nothing}, but {nearby}" if nearby else nothing, figure=False)
