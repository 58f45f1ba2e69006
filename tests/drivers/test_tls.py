"""TLS of every store on real servers: accepted clients, refused clients, and the errors.

A new driver adds one `TlsStore` to `STORES`. What only one store does is tested in a file of its own.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from explorer.drivers.registry import make
from explorer.model.address import Access, Secret
from explorer.model.errors import ExplorerError, NotReachable, TlsFailed
from explorer.model.events import Put, Started
from tests.drivers.error_cases import ANSWER_TIMEOUT, CANARY, READER_ACCESS, assert_first_contact_fails
from tests.servers.certificates import Certificates, KeyPair
from tests.servers.consul import ConsulServer
from tests.servers.etcd import EtcdServer, Tls
from tests.servers.processes import Server
from tests.servers.redis import RedisServer
from tests.servers.zookeeper import ZooKeeperServer

pytestmark = pytest.mark.servers

EXIT_CODE: Final = 5
"""Exit code of the command when no connection can be made."""


class Words(NamedTuple):
    """Parts of an error's message and of its hint."""

    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class TlsStore:
    """A kind of server, and how the tests connect to it.

    Attributes:
        name: Its name in the ids of the tests.
        scheme: The scheme of its URLs, without `+tls`.
        server: Makes a server with these TLS settings, or a plain one.
        version: How the version in its status begins.
        login: A password, and a user where the store has them, for a server that asks for none.
        words: The words of its errors, by case, where they are not those of the other stores.
        with_command: Whether the command is run, too; it reports the errors of all drivers alike, so one is enough.
    """

    name: str
    scheme: str
    server: Callable[[Tls | None], Server]
    version: str
    login: Access = READER_ACCESS
    words: Mapping[str, Words] = field(default_factory=dict)
    with_command: bool = False

    def url(self, address: str, *, tls: bool = True) -> str:
        return f"{self.scheme}{'+tls' if tls else ''}://{address}/"

    async def assert_refused(
        self, url: str, access: Access, words: Words, *, case: str, kind: type[ExplorerError] = TlsFailed
    ) -> None:
        """Assert that opening fails at once, with the words of the case in the message and in the hint."""
        words = self.words.get(case, words)
        error = await assert_first_contact_fails(
            url, kind, EXIT_CODE, access=access, hint=words.hint, with_command=self.with_command, while_opening=True
        )
        assert words.message in str(error)
        assert words.hint in error.hint
        assert error.retryable is not isinstance(error, TlsFailed)


def etcd_store(version: str, *, with_command: bool = False) -> TlsStore:
    return TlsStore(
        f"etcd {version}",
        "etcd",
        lambda tls: EtcdServer(version, tls=tls),
        version,
        with_command=with_command,
    )


STORES: Final = (
    etcd_store("3.4"),
    etcd_store("3.5", with_command=True),
    TlsStore(
        "etcd2",
        "etcd2",
        lambda tls: EtcdServer("3.4", v2=True, tls=tls),
        "3.4",
        words={
            "plain to TLS port": Words("closed", "with +tls"),
        },
    ),
    TlsStore("consul", "consul", lambda tls: ConsulServer(tls=tls), "1.", login=Access(password=Secret(CANARY))),
    TlsStore("redis", "redis", lambda tls: RedisServer(tls=tls), "7."),
    TlsStore(
        "zookeeper",
        "zk",
        lambda tls: ZooKeeperServer(tls=tls),
        "3.",
        words={  # kazoo does not say more
            "foreign client certificate": Words("TLS handshake failed", "are the certificates right?"),
            "TLS to plain port": Words("TLS handshake failed", "is it a TLS port"),
        },
    ),
)


@pytest.fixture(scope="module", params=STORES, ids=lambda store: store.name)
def store(request: pytest.FixtureRequest) -> TlsStore:
    found: TlsStore = request.param
    return found


@pytest.fixture(scope="module")
def mutual_server(store: TlsStore, certificates: Certificates) -> Iterator[Server]:
    """A server that requires a client certificate of the authority."""
    files = certificates
    with store.server(Tls(files.ca_file, files.server, clients=files.ca_file, client=files.client)) as server:
        yield server


@pytest.fixture(scope="module")
def plain_server(store: TlsStore) -> Iterator[Server]:
    with store.server(None) as server:
        yield server


@pytest.fixture(scope="module")
def wrong_name_server(store: TlsStore, certificates: Certificates) -> Iterator[Server]:
    """A server whose certificate is for another name than its address."""
    with store.server(Tls(certificates.ca_file, certificates.wrong_name)) as server:
        yield server


def make_access(ca_file: Path, certificate: KeyPair | None = None, key: KeyPair | None = None) -> Access:
    """Return an access with a client certificate and the key of a pair that may be another one."""
    return Access(
        ca_file=ca_file,
        cert_file=None if certificate is None else certificate.cert_file,
        key_file=None if key is None else key.key,
    )


def client_access(certificates: Certificates) -> Access:
    return make_access(certificates.ca_file, certificates.client, certificates.client)


# Connections that succeed


async def test_trusted_client_reads_writes_and_watches(
    store: TlsStore, mutual_server: Server, certificates: Certificates
) -> None:
    """A client with a trusted certificate reads, writes and watches over TLS."""
    url = store.url(mutual_server.address)
    async with make(url, client_access(certificates)) as opened, opened.watch("key") as events:
        assert isinstance(await anext(events), Started)
        await opened.put("key", b"value")
        async with asyncio.timeout(ANSWER_TIMEOUT):
            assert isinstance(await anext(events), Put)
        assert (await opened.get("key")).value == b"value"
        assert (await opened.status()).version.startswith(store.version)


async def test_server_name_overrides_the_host_of_the_url(
    store: TlsStore, wrong_name_server: Server, certificates: Certificates
) -> None:
    """`Access.server_name` is the name that the certificate must have."""
    access = Access(ca_file=certificates.ca_file, server_name="elsewhere.invalid")
    async with make(store.url(wrong_name_server.address), access) as opened:
        assert (await opened.put("key", b"value")).value == b"value"


# Connections that are refused


class WrongFiles(NamedTuple):
    """The files of a client that is refused, and the words of the error."""

    case: str
    access: Callable[[Certificates], Access]
    words: Words


WRONG_FILES: Final = (
    WrongFiles(
        "unknown authority",
        lambda files: make_access(files.other_authority, files.client, files.client),
        Words("unknown authority", "--cacert"),
    ),
    WrongFiles(
        "no client certificate",
        lambda files: make_access(files.ca_file),
        Words("client certificate", "--cert"),
    ),
    WrongFiles(
        "foreign client certificate",
        lambda files: make_access(files.ca_file, files.stranger, files.stranger),
        Words("client certificate", "--cert"),
    ),
    WrongFiles(
        "key of another certificate",
        lambda files: make_access(files.ca_file, files.client, files.stranger),
        Words("cannot be used", "key"),
    ),
    WrongFiles(
        "certificate without its key",
        lambda files: make_access(files.ca_file, files.client),
        Words("belong together", "both"),
    ),
)


@pytest.mark.parametrize("wrong", WRONG_FILES, ids=lambda wrong: wrong.case)
async def test_wrong_client_files_are_tls_failed(
    store: TlsStore, mutual_server: Server, certificates: Certificates, wrong: WrongFiles
) -> None:
    """A wrong authority, client certificate or key raises TlsFailed with the cause and a hint."""
    url = store.url(mutual_server.address)
    await store.assert_refused(url, wrong.access(certificates), wrong.words, case=wrong.case)


@pytest.mark.parametrize("content", [None, b"no PEM"], ids=["missing", "no PEM"])
async def test_unusable_ca_file_is_named_in_the_error(store: TlsStore, tmp_path: Path, content: bytes | None) -> None:
    """A missing CA file, or one without PEM data, raises TlsFailed with its path."""
    file = tmp_path / "authority.pem"
    if content is not None:
        file.write_bytes(content)
    words = Words(f"{file}", "PEM file")
    await store.assert_refused(store.url("127.0.0.1:1"), Access(ca_file=file), words, case="unusable CA file")


async def test_expired_server_certificate_is_tls_failed(store: TlsStore, certificates: Certificates) -> None:
    """A server whose certificate has expired raises TlsFailed with the reason."""
    words = Words("expired", "renew")
    async with store.server(Tls(certificates.ca_file, certificates.expired)) as server:
        access = Access(ca_file=certificates.ca_file)
        await store.assert_refused(store.url(server.address), access, words, case="expired")


async def test_server_of_another_name_is_tls_failed(
    store: TlsStore, wrong_name_server: Server, certificates: Certificates
) -> None:
    """A server whose certificate is for another name raises TlsFailed; the hint says how to pass the name."""
    words = Words("another name", "--server-name")
    access = Access(ca_file=certificates.ca_file)
    await store.assert_refused(store.url(wrong_name_server.address), access, words, case="another name")


async def test_plain_connection_to_a_tls_port_has_a_hint(store: TlsStore, mutual_server: Server) -> None:
    """A plain connection to a TLS port raises NotReachable without the password; the hint names the other scheme."""
    assert_refused = partial(store.assert_refused, case="plain to TLS port", kind=NotReachable)
    words = Words("", f"{store.scheme}+tls://")
    await assert_refused(store.url(mutual_server.address, tls=False), store.login, words)


async def test_tls_connection_to_a_plain_port_has_a_hint(
    store: TlsStore, plain_server: Server, certificates: Certificates
) -> None:
    """TLS to a plain port raises TlsFailed on every store, also where the server only closes the connection."""
    assert_refused = partial(store.assert_refused, case="TLS to plain port")
    words = Words("does not speak TLS", "without +tls")
    await assert_refused(store.url(plain_server.address), client_access(certificates), words)
