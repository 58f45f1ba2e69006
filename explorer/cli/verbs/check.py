"""The verb `check`, and what other verbs print about rules for values."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

from explorer.cli.arguments import CheckArguments
from explorer.cli.console import Console
from explorer.cli.decoder import load_codecs
from explorer.cli.exit_codes import ExitCode
from explorer.cli.output import key_formatter
from explorer.codecs.options import CodecOptions
from explorer.drivers.base import PAGE_SIZE, Store
from explorer.model.entries import Cursor, Entry
from explorer.model.errors import ConstraintViolated, InvalidKey, KeyNotFound
from explorer.model.keys import directory
from explorer.model.sanitize import pluralize
from explorer.plans.meter import Meter

if TYPE_CHECKING:  # imports protobuf and yaml
    from explorer.codecs.codecs import Codecs
    from explorer.codecs.constraints.constraint import Violation


async def check(store: Store, options: CheckArguments, codec_options: CodecOptions, console: Console) -> int:
    """Print what breaks the rules of the values below a prefix, then how much was looked at.

    The exit code is 1 if a rule is broken or cannot be checked.

    Raises:
        KeyNotFound: There is nothing at the prefix.
        SchemaFailed: A schema or the rule file is invalid.
    """
    codecs = await load_codecs(store, codec_options, console)
    if not codecs.constraints.constraints:
        console.print_note("keyscope: no rule is for this store: see docs/rules.md")
    count = ruled = broken = unchecked = 0
    end = "stopped before the end"
    meter = Meter("checked")
    try:
        with console.progress():
            async with aclosing(_pages(store, options.prefix)) as pages:
                async for page in pages:
                    for key, violations in await asyncio.to_thread(_check, codecs, page):
                        ruled += 1
                        broken += any(not one.is_unchecked for one in violations)
                        unchecked += any(one.is_unchecked for one in violations)
                        for violation in violations:
                            print_violation(store, key, violation, console, escaped=options.escaped)
                    count += len(page)
                    meter.add(len(page))
        end = ""
    except KeyNotFound:
        end = ""
        raise
    finally:
        parts = [f"looked at {pluralize(count, 'key')}", f"{ruled} {'has' if ruled == 1 else 'have'} rules"]
        parts += [f"{broken} {'breaks' if broken == 1 else 'break'} one"] if broken else []
        parts += [f"{unchecked} could not be checked"] if unchecked else []
        console.print_note(", ".join((*parts, end) if end else parts))
    return ExitCode.FAILURE if broken or unchecked or codecs.constraints.problems else ExitCode.SUCCESS


def print_violation(store: Store, key: str, violation: "Violation", console: Console, *, escaped: bool = False) -> None:
    """Print what the value of a key of a store breaks."""
    violation = masked(store, key, violation)
    if console.json:
        console.print_record(
            {"key": key, "rule": violation.constraint, "path": violation.path, "reason": violation.reason}
        )
    else:
        console.print_line(f"{key_formatter(escaped=escaped)(key)}: {violation}")


def masked(store: Store, key: str, violation: "Violation") -> "Violation":
    """Return a violation without what it quotes of the value, if the profile masks that."""
    is_masked = store.profile is not None and store.profile.masks(key)
    return violation.without_value() if is_masked else violation


def broken_constraints(names: Sequence[str]) -> ConstraintViolated:
    """Return the error of a write that breaks constraints."""
    options = " ".join(f"--override-rule {name}" for name in names)
    return ConstraintViolated(f"nothing was written: {', '.join(names)} would be broken", hint=f"{options} writes it")


async def _pages(store: Store, prefix: str) -> AsyncGenerator[Sequence[Entry], None]:
    """Yield the entries with a value at and below a prefix.

    Raises:
        KeyNotFound: There is nothing.
    """
    below = directory(prefix, store.separator)
    has_key = False
    if prefix and prefix != below:
        with suppress(KeyNotFound, InvalidKey):
            entry = await store.get(prefix)
            has_key = entry.value is not None
            yield [entry] if has_key else []
    after: Cursor | None = None
    while True:
        try:
            page = await store.list(below, after=after, limit=PAGE_SIZE, values=True)
        except KeyNotFound:
            if has_key:
                return
            raise
        yield [entry for entry in page.items if entry.value is not None]
        after = page.next
        if after is None:
            return


def _check(codecs: "Codecs", entries: Sequence[Entry]) -> list[tuple[str, tuple["Violation", ...]]]:
    """Return the keys that have rules, with what their values break."""
    return [
        (entry.key, codecs.violations(entry.key, entry.value or b""))
        for entry in entries
        if codecs.has_constraints(entry.key)
    ]
