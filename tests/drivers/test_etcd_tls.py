"""Connections to real etcds by TLS: which are not made, and why, by the library and by the command."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from explorer.drivers.etcd import EtcdStore
from explorer.model.address import Access, parse
from explorer.model.errors import NotReachable, TlsFailed
from tests.drivers.error_cases import assert_told, command
from tests.servers.certificates import Certificates
from tests.servers.etcd import VERSIONS, EtcdServer, Tls

pytestmark = pytest.mark.servers


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_connection_that_cannot_be_trusted_is_not_made(version: str, certificates: Certificates) -> None:
    right = Access(ca_file=certificates.ca_file)
    told = partial(assert_told, by_command=version == VERSIONS[-1])
    with ExitStack() as servers:

        def start(tls: Tls | None) -> str:
            return servers.enter_context(EtcdServer(version, tls=tls)).address

        good = start(Tls(certificates.ca_file, certificates.server))
        renamed = start(Tls(certificates.ca_file, certificates.wrong_name))
        expired = start(Tls(certificates.ca_file, certificates.expired))
        plain = start(None)
        other = Access(ca_file=certificates.other_authority)
        await told(f"etcd+tls://{good}/", TlsFailed, 5, access=other, hint="unknown authority")
        await told(f"etcd+tls://{renamed}/", TlsFailed, 5, access=right, hint="--server-name")
        await told(f"etcd+tls://{expired}/", TlsFailed, 5, access=right, hint="expired")
        await told(f"etcd://{good}/", NotReachable, 5, hint="etcd+tls://")
        await told(f"etcd+tls://{plain}/", NotReachable, 5, access=right, hint="etcd://")
        missing = Access(ca_file=Path("/nowhere/ca.pem"))
        await told(f"etcd+tls://{good}/", TlsFailed, 5, access=missing, hint="/nowhere/ca.pem")


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_client_is_known_by_its_certificate(version: str, certificates: Certificates) -> None:
    def showing(certificate: Path | None, key: Path | None) -> Access:
        return Access(ca_file=certificates.ca_file, cert_file=certificate, key_file=key)

    client, stranger = certificates.client, certificates.stranger
    tls = Tls(certificates.ca_file, certificates.server, clients=certificates.ca_file, client=client)
    with EtcdServer(version, tls=tls) as server:
        server.ctl("put", "k", "v")
        url = f"etcd+tls://{server.address}/"
        told = partial(assert_told, by_command=version == VERSIONS[-1])
        await told(url, TlsFailed, 5, access=showing(None, None), hint="certificate")
        await told(url, TlsFailed, 5, access=showing(stranger.cert_file, stranger.key), hint="certificate")
        await told(url, TlsFailed, 5, access=showing(client.cert_file, stranger.key), hint="key")
        await told(url, TlsFailed, 5, access=showing(client.cert_file, None), hint="both")
        known = showing(client.cert_file, client.key)
        async with EtcdStore(parse(url), known) as store:
            assert (await store.get("k")).value == b"v"
        got = await command("get", "etcd:", "k", access=known, ETCDCTL_ENDPOINTS=server.url)
        assert got.output == b"v\n", got.error
