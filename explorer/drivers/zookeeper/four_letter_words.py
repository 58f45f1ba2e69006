"""The four-letter words that administrators ask ZooKeeper's servers, each on a connection of its own.

A server answers only those that its configuration lists (4lw.commands.whitelist; by default `srvr` alone).
"""

import asyncio
import os
import ssl
from dataclasses import dataclass
from typing import Final

from explorer.drivers.common.tasks import STATUS_TIMEOUT, gather_results
from explorer.drivers.common.tls import ssl_context
from explorer.drivers.zookeeper.settings import ZooKeeperSettings
from explorer.model.address import Host
from explorer.model.errors import ExplorerError, Forbidden, NotReachable
from explorer.model.sanitize import sanitize

_REFUSED: Final = "is not in the whitelist"
_MAX_ANSWER: Final = 2**24
"""Bytes of an answer that are read; whoever says more is no server of ZooKeeper's."""
_IDLE: Final = "not currently serving requests"


@dataclass(frozen=True, slots=True)
class FourLetterWords:
    """Asks the servers of an address."""

    settings: ZooKeeperSettings

    async def everywhere(self, word: str) -> dict[Host, str | ExplorerError]:
        """Ask all servers the same; that one does not answer is an answer too."""
        return await gather_results(self.settings.hosts, lambda host: self._ask(host, word))

    async def administrators(self, command: str) -> list[str]:
        """Ask the AdminServer of each server, where there is one: JSON, on a port of its own (`?admin=`)."""
        answers = await gather_results(self.settings.hosts, lambda host: self._administrator(host, command))
        return [answer for answer in answers.values() if isinstance(answer, str) and answer]

    async def _administrator(self, host: Host, command: str) -> str:
        request = f"GET /commands/{command} HTTP/1.0\r\nHost: {host.name}\r\n\r\n"
        try:
            async with asyncio.timeout(STATUS_TIMEOUT):
                said = await _exchange(host.name, self.settings.admin, request.encode())
        except (OSError, TimeoutError):
            return ""
        head, _, body = said.decode(errors="replace").partition("\r\n\r\n")
        return body if " 200 " in head.partition("\r\n")[0] else ""

    async def _ask(self, host: Host, word: str) -> str:
        try:
            async with asyncio.timeout(STATUS_TIMEOUT):
                said = sanitize(await self._said(host, word), multiline=True)
        except (OSError, TimeoutError) as error:
            reason = os.strerror(error.errno) if error.errno else "it does not answer"
            raise NotReachable(reason, address=self.settings.redacted) from error
        if _REFUSED in said:
            raise Forbidden(
                f"the server does not permit {word!r}",
                hint=f"its administrator can: 4lw.commands.whitelist={word}",
                address=self.settings.redacted,
            )
        if _IDLE in said:
            raise NotReachable("the server has no quorum", address=self.settings.redacted)
        return said

    async def _said(self, host: Host, word: str) -> bytes:
        access = self.settings.access
        tls: ssl.SSLContext | None = None
        if self.settings.address.tls:
            tls = ssl_context(access)
        name = (access.server_name or host.name) if tls else None
        return await _exchange(host.name, host.port, word.encode(), tls, name)


async def _exchange(
    host: str, port: int | None, question: bytes, tls: ssl.SSLContext | None = None, name: str | None = None
) -> bytes:
    reader, writer = await asyncio.open_connection(host, port, ssl=tls, server_hostname=name)
    try:
        writer.write(question)
        await writer.drain()
        said = bytearray()
        while len(said) < _MAX_ANSWER and (piece := await reader.read(_MAX_ANSWER)):
            said += piece
        return bytes(said)
    finally:
        writer.transport.abort()
