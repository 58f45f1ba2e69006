"""The verb `doctor`: checks of a store, each with a finding, until one fails for good."""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from statistics import median
from typing import Final, Literal

from explorer.cli.console import Console
from explorer.cli.exit_codes import ExitCode, error_line, exit_code
from explorer.cli.output import Record
from explorer.codecs.options import CodecOptions, limit_problems
from explorer.drivers.address_hints import address_hint, has_contents
from explorer.drivers.base import Store
from explorer.model.address import Access, Host
from explorer.model.capabilities import Capability
from explorer.model.errors import Denied, ExplorerError, SchemaFailed
from explorer.model.format import format_error

_PINGS: Final = 5
"""Pings that the latency is the median of."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Result of a check: `ok`, `note` (good to know) or `bad`."""

    state: Literal["ok", "note", "bad"]
    subject: str
    text: str
    value: object = None
    """The result in the JSON record."""


async def doctor(store: Store, access: Access, options: CodecOptions, console: Console) -> int:
    """Check a store from its address to its contents; return 0, or the exit code of what is wrong.

    Args:
        store: The store, not connected yet.
        access: Credentials, for a hint about its address.
        options: Schemas and rules for its values.
        console: Where the findings are printed.
    """
    findings: list[Finding] = []
    code: int = ExitCode.SUCCESS
    try:
        async with aclosing(_check(store, access, options)) as checks:
            async for finding in checks:
                findings.append(finding)
                if finding.state == "bad":
                    code = ExitCode.FAILURE
                if not console.json:
                    console.print_line(f"{finding.state:<5}{finding.subject:<13}{finding.text}")
                    console.flush()
    except ExplorerError as error:
        code = exit_code(error)
        findings.append(Finding("bad", "store", error_line(error)))
        console.print_note(error_line(error))
    if console.json:
        console.print_record(_record(store, findings, code))
    return code


def _record(store: Store, findings: list[Finding], code: int) -> Record:
    values = {finding.subject: finding.value for finding in findings if finding.value is not None}
    return {
        "address": store.address.redacted,
        "healthy": code == ExitCode.SUCCESS,
        "exit_code": int(code),
        **values,
        "findings": [
            {"state": finding.state, "subject": finding.subject, "text": finding.text} for finding in findings
        ],
    }


async def _check(store: Store, access: Access, options: CodecOptions) -> AsyncGenerator[Finding, None]:
    address = store.address
    yield Finding("ok", "store", address.redacted)
    for warning in address.warnings:
        yield Finding("note", "store", warning)
    if options.is_configured:
        for problem in await asyncio.to_thread(_codec_problems, store, options):
            yield Finding("note", "codecs", problem)
    for host in address.hosts:
        yield await _check_host(host)
    start = time.perf_counter()
    async with store:
        yield Finding("ok", "connection", f"connected in {_milliseconds(time.perf_counter() - start)} ms")
        for finding in await _check_status(store):
            yield finding
        yield await _check_latency(store)
        for finding in _check_capabilities(store):
            yield finding
        yield await _check_contents(store, access)


def _codec_problems(store: Store, options: CodecOptions) -> Sequence[str]:
    """Return the problems of schemas and rules, a line each."""
    from explorer.codecs.load import codecs_for  # noqa: PLC0415 - imports protobuf and yaml

    try:
        codecs = codecs_for(store, options)
    except SchemaFailed as error:
        return [format_error(error)]
    return limit_problems((*codecs.problems, *codecs.unreachable_rules))


async def _check_host(host: Host) -> Finding:
    try:
        addresses = await asyncio.get_running_loop().getaddrinfo(host.name, host.port)
    except OSError as error:  # not final: another endpoint may answer
        return Finding("note", "host", f"cannot resolve {host}: {error.strerror or error}")
    names = sorted({str(address[0]) for *_, address in addresses})
    return Finding("ok", "host", f"{host} resolves to {', '.join(names)}")


async def _check_status(store: Store) -> list[Finding]:
    status = await store.status()
    facts = {
        "product": status.product,
        "version": status.version,
        "revision": status.revision,
        "identity": status.identity,
        **status.facts,
    }
    text = ", ".join(f"{name} {fact}" for name, fact in facts.items() if fact is not None)
    complaints = [Finding("bad", "complaint", complaint) for complaint in status.complaints]
    return [Finding("ok", "status", text, value={**facts, "complaints": list(status.complaints)}), *complaints]


async def _check_latency(store: Store) -> Finding:
    durations = []
    for _ in range(_PINGS):
        start = time.perf_counter()
        with suppress(Denied):  # an answer, too
            await store.ping()
        durations.append(time.perf_counter() - start)
    latency = _milliseconds(median(durations))
    return Finding("ok", "latency_ms", f"{latency} ms per ping (median of {_PINGS})", value=latency)


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 2)


def _check_capabilities(store: Store) -> list[Finding]:
    present = [_name(capability) for capability in Capability if capability in store.capabilities]
    absent = {
        _name(capability): store.unsupported_reasons.get(capability, "not supported by this store")
        for capability in Capability
        if capability not in store.capabilities
    }
    return [
        Finding("ok", "can", ", ".join(present), value=present),
        *(Finding("note", "cannot", f"{name}: {reason}", value=absent) for name, reason in absent.items()),
    ]


def _name(capability: Capability) -> str:
    return (capability.name or "").lower()


async def _check_contents(store: Store, access: Access) -> Finding:
    """Return whether there are keys below the address; if not, whether a slash too few or too many is the reason."""
    address = store.address
    if await has_contents(store):
        return Finding("ok", "contents", f"there are keys below {address.redacted}", value=True)
    text = f"no keys below {address.redacted}"
    hint = await address_hint(address, access)
    return Finding("note", "contents", f"{text}, but {hint}" if hint else text, value=False)
