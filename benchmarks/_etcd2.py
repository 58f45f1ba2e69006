"""Writing to etcd's v2 API as fast as it takes it: some plain connections at once."""

import http.client
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

from tests.servers.etcd import EtcdServer

_WRITERS = 16


def write(server: EtcdServer, entries: Iterable[tuple[str, str]]) -> None:
    """Write entries; those of one key go over one connection, so that they stay in their order."""
    shares: list[list[tuple[str, str]]] = [[] for _ in range(_WRITERS)]
    for key, value in entries:
        shares[hash(key) % _WRITERS].append((key, value))
    with ThreadPoolExecutor(_WRITERS) as writers:
        for done in [writers.submit(_write, server, share) for share in shares]:
            done.result()


def _write(server: EtcdServer, entries: list[tuple[str, str]]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.client_port)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for key, value in entries:
        connection.request("PUT", f"/v2/keys/{key}", urlencode({"value": value}), form)
        connection.getresponse().read()
    connection.close()
