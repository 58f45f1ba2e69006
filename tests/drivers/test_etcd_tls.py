"""TLS connections to real etcds: which are refused, and why, by the library and the command."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from explorer.drivers.etcd import EtcdStore
from explorer.model.address import Access, parse
from explorer.model.errors import NotReachable, TlsFailed
from tests.drivers.error_cases import assert_first_contact_fails, run_keyscope
from tests.servers.certificates import Certificates
from tests.servers.etcd import VERSIONS, EtcdServer, Tls

pytestmark = pytest.mark.servers


@pytest.mark.parametrize("version", VERSIONS)
async def test_untrusted_connection_is_refused(version: str, certificates: Certificates) -> None:
    """A connection that TLS cannot verify is refused with the cause."""
    trusted = Access(ca_file=certificates.ca_file)
    assert_refused = partial(assert_first_contact_fails, with_command=version == VERSIONS[-1])
    with ExitStack() as servers:

        def start(tls: Tls | None) -> str:
            return servers.enter_context(EtcdServer(version, tls=tls)).address

        good = start(Tls(certificates.ca_file, certificates.server))
        renamed = start(Tls(certificates.ca_file, certificates.wrong_name))
        expired = start(Tls(certificates.ca_file, certificates.expired))
        plain = start(None)
        other = Access(ca_file=certificates.other_authority)
        await assert_refused(f"etcd+tls://{good}/", TlsFailed, 5, access=other, hint="unknown authority")
        await assert_refused(f"etcd+tls://{renamed}/", TlsFailed, 5, access=trusted, hint="--server-name")
        await assert_refused(f"etcd+tls://{expired}/", TlsFailed, 5, access=trusted, hint="expired")
        await assert_refused(f"etcd://{good}/", NotReachable, 5, hint="etcd+tls://")
        await assert_refused(f"etcd+tls://{plain}/", NotReachable, 5, access=trusted, hint="etcd://")
        missing = Access(ca_file=Path("/nowhere/ca.pem"))
        await assert_refused(f"etcd+tls://{good}/", TlsFailed, 5, access=missing, hint="/nowhere/ca.pem")


@pytest.mark.parametrize("version", VERSIONS)
async def test_client_certificate_authenticates(version: str, certificates: Certificates) -> None:
    """The common name of the client certificate is the user."""

    def access_with(certificate: Path | None, key: Path | None) -> Access:
        return Access(ca_file=certificates.ca_file, cert_file=certificate, key_file=key)

    client, other = certificates.client, certificates.stranger
    tls = Tls(certificates.ca_file, certificates.server, clients=certificates.ca_file, client=client)
    with EtcdServer(version, tls=tls) as server:
        server.ctl("put", "k", "v")
        url = f"etcd+tls://{server.address}/"
        assert_refused = partial(assert_first_contact_fails, with_command=version == VERSIONS[-1])
        await assert_refused(url, TlsFailed, 5, access=access_with(None, None), hint="certificate")
        await assert_refused(url, TlsFailed, 5, access=access_with(other.cert_file, other.key), hint="certificate")
        await assert_refused(url, TlsFailed, 5, access=access_with(client.cert_file, other.key), hint="key")
        await assert_refused(url, TlsFailed, 5, access=access_with(client.cert_file, None), hint="both")
        authenticated = access_with(client.cert_file, client.key)
        async with EtcdStore(parse(url), authenticated) as store:
            assert (await store.get("k")).value == b"v"
        got = await run_keyscope("get", "etcd:", "k", access=authenticated, ETCDCTL_ENDPOINTS=server.url)
        assert got.output == b"v\n", got.error
