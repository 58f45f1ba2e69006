"""Client certificates of etcd that etcdctl's variables name; what all stores share is in test_tls.py."""

import pytest

from explorer.drivers.etcd import EtcdStore
from explorer.model.address import Access, parse
from tests.drivers.error_cases import run_keyscope
from tests.servers.certificates import Certificates
from tests.servers.etcd import VERSIONS, EtcdServer, Tls

pytestmark = pytest.mark.servers


@pytest.mark.parametrize("version", VERSIONS)
async def test_certificates_of_etcdctls_variables_are_used(version: str, certificates: Certificates) -> None:
    """The command connects with the certificates and endpoints of etcdctl's variables, as the library does."""
    client = certificates.client
    access = Access(ca_file=certificates.ca_file, cert_file=client.cert_file, key_file=client.key)
    tls = Tls(certificates.ca_file, certificates.server, clients=certificates.ca_file, client=client)
    with EtcdServer(version, tls=tls) as server:
        server.ctl("put", "k", "v")
        async with EtcdStore(parse(f"etcd+tls://{server.address}/"), access) as store:
            assert (await store.get("k")).value == b"v"
        got = await run_keyscope("get", "etcd:", "k", access=access, ETCDCTL_ENDPOINTS=server.url)
        assert got.output == b"v\n", got.error
