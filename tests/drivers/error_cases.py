"""Checks of one failure in two ways: as an error of the library, and as one line of the command."""

import asyncio
import os
import pty
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

import pytest

from explorer.cli.exit_codes import error_line, exit_code
from explorer.drivers.registry import make
from explorer.model.address import Access, Secret
from explorer.model.errors import ExplorerError
from tests.cli.run_command import COMMAND, Result, environment, run_process

CANARY = "canary-51c9e0"
REQUEST_TIMEOUT = 60.0
"""Time limit of a request, in seconds, for failures that must be reported long before it."""
ANSWER_TIMEOUT = 30.0
"""Seconds within which a failure must be reported on a busy machine."""
RESOLVER_TIMEOUT = 45.0
"""Seconds within which a resolver must give up on an unknown host name."""
READER_ACCESS = Access(user="reader", password=Secret(CANARY))
WRONG_PASSWORD = Access(user="reader", password=Secret(f"not-{CANARY}"))


def etcdctl_variables(access: Access, more: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """Return the variables of etcdctl for an access, with `more` added."""
    files = {"CACERT": access.ca_file, "CERT": access.cert_file, "KEY": access.key_file}
    variables = {name: str(file) for name, file in files.items() if file}
    if access.user:
        variables["USER"] = access.user
    if access.password:
        variables["PASSWORD"] = access.password.reveal()
    return {**{f"ETCDCTL_{name}": value for name, value in variables.items()}, **more}


async def run_keyscope(*words: str, access: Access = READER_ACCESS, **more: str) -> Result:
    def run() -> Result:
        return run_process(*words, stdin=b"", **etcdctl_variables(access, more))

    return await asyncio.to_thread(run)


def assert_one_line(result: Result, code: int, hint: str = "") -> None:
    assert (result.code, result.output) == (code, b""), result.error
    assert result.error.startswith("keyscope: ")
    assert result.error.count("\n") == 1
    assert hint in result.error
    assert CANARY not in result.error


async def _open(url: str, access: Access) -> None:
    async with make(url, access):
        pass


async def _get(url: str, access: Access) -> None:
    async with make(url, access) as store:
        await store.get("k")


async def assert_first_contact_fails(
    url: str,
    kind: type[ExplorerError],
    code: int,
    *,
    access: Access = READER_ACCESS,
    hint: str = "",
    within: float = ANSWER_TIMEOUT,
    with_command: bool = True,
    while_opening: bool = False,
) -> ExplorerError:
    """Assert that the first contact fails with the same error in the library and the command, before the time limit.

    Without `with_command` the command is not run, and only the line that it would print is checked: for servers that
    raise the same errors as one that the command is run on. With `while_opening`, the store must fail before any call.

    Returns:
        The error of the library.
    """
    patient_url = f"{url}{'&' if '?' in url else '?'}timeout={REQUEST_TIMEOUT:g}"
    async with asyncio.timeout(within):
        with pytest.raises(kind) as raised:
            await (_open(patient_url, access) if while_opening else _get(patient_url, access))
    assert type(raised.value) in (kind, *kind.__subclasses__())
    assert raised.value.hint
    assert raised.value.address
    assert CANARY not in f"{raised.value!r}{raised.value}{raised.value.hint}"
    line = f"{error_line(raised.value)}\n"
    assert_one_line(Result(exit_code(raised.value), b"", line), code, hint)
    if with_command:
        async with asyncio.timeout(within):
            result = await run_keyscope("get", patient_url, "k", access=access)
        assert_one_line(result, code, hint)
    return raised.value


@contextmanager
def typed_put(url: str, revision: int) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run `put` with a terminal to type the value into, up to its line that it reads from the terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, "put", url, "k", "--if-revision", f"{revision}", "--timeout", "3"],
        stdin=theirs,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as process:
        os.close(theirs)
        try:
            assert process.stderr
            assert b"terminal" in process.stderr.readline()
            yield process, ours
        finally:
            process.kill()
            os.close(ours)
