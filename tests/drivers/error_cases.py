"""One trouble told twice: as an error of the API, and as one line of the command, told everything by variables."""

import asyncio
import os
import pty
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

import pytest

from explorer.cli.exit_codes import error_line, exit_code
from explorer.drivers.etcd import EtcdStore
from explorer.model.address import Access, Secret, parse
from explorer.model.errors import ExplorerError
from tests.cli.run_command import COMMAND, Result, environment, run_process

CANARY = "canary-51c9e0"
PATIENT = 60.0
"""Seconds that a request may take where the trouble has to be told long before that."""
SOON = 15.0
"""Seconds in which it has to be told on the busiest machine."""
RESOLVED = 45.0
"""Seconds in which a resolver has given up a name that nobody knows."""
READER = Access(user="reader", password=Secret(CANARY))
WRONG = Access(user="reader", password=Secret(f"not-{CANARY}"))


def variables(access: Access, more: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """Say an access in etcdctl's variables."""
    files = {"CACERT": access.ca_file, "CERT": access.cert_file, "KEY": access.key_file}
    said = {name: str(file) for name, file in files.items() if file}
    if access.user:
        said["USER"] = access.user
    if access.password:
        said["PASSWORD"] = access.password.reveal()
    return {**{f"ETCDCTL_{name}": value for name, value in said.items()}, **more}


async def command(*words: str, access: Access = READER, **more: str) -> Result:
    def run() -> Result:
        return run_process(*words, stdin=b"", **variables(access, more))

    return await asyncio.to_thread(run)


def assert_one_line(result: Result, code: int, hint: str = "") -> None:
    assert (result.code, result.output) == (code, b""), result.error
    assert result.error.startswith("keyscope: ")
    assert result.error.count("\n") == 1
    assert hint in result.error
    assert CANARY not in result.error


async def assert_told(
    url: str,
    kind: type[ExplorerError],
    code: int,
    *,
    access: Access = READER,
    hint: str = "",
    soon: float = SOON,
    by_command: bool = True,
) -> ExplorerError:
    """The first contact fails alike in the API and in the command, long before the time limit.

    Unless `by_command`, the command is not run, and what it would say is asked of it: for servers whose errors of the
    API are those of a server that it is run on.
    """
    patient = f"{url}{'&' if '?' in url else '?'}timeout={PATIENT:g}"
    async with asyncio.timeout(soon):
        with pytest.raises(kind) as raised:
            async with EtcdStore(parse(patient), access) as store:
                await store.get("k")
    assert type(raised.value) in (kind, *kind.__subclasses__())
    assert raised.value.hint
    assert raised.value.address
    assert CANARY not in f"{raised.value!r}{raised.value}{raised.value.hint}"
    line = f"{error_line(raised.value)}\n"
    assert_one_line(Result(exit_code(raised.value), b"", line), code, hint)
    if by_command:
        async with asyncio.timeout(soon):
            told = await command("get", patient, "k", access=access)
        assert_one_line(told, code, hint)
    return raised.value


@contextmanager
def writing(url: str, revision: int) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run `put` with a terminal to type the value into; it has met the store once it says that it reads."""
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
