"""Variables that the stores' own tools read: each is used, or reported as not used."""

import asyncio
import base64
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

import explorer
from explorer.drivers import etcd, etcd2
from explorer.drivers.consul import ConsulStore
from explorer.drivers.consul.settings import ConsulSettings, load
from explorer.model.address import Access, Secret, parse
from explorer.model.errors import InvalidAddress
from tests.drivers.foreign_answers import AnsweringProxy
from tests.servers.certificates import Certificates
from tests.servers.consul import ConsulServer
from tests.servers.etcd import EtcdServer, Tls

CANARY = "canary-93f1"


@pytest.fixture(scope="module")
def guarded(certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsulServer]:
    """A server with TLS and a unix socket that denies everything without a token."""
    socket = tmp_path_factory.mktemp("socket") / "consul.sock"
    tls = Tls(certificates.ca_file, certificates.server)
    with ConsulServer(acl=True, tls=tls, settings={"addresses": {"http": f"127.0.0.1 unix://{socket}"}}) as server:
        server.json("PUT", "/v1/kv/key", b"value")
        yield server


def settings(url: str = "consul:", access: Access | None = None, /, **variables: str) -> ConsulSettings:
    return load(parse(url), access or Access(), {f"CONSUL_{name}": value for name, value in variables.items()})


async def value(url: str = "consul:") -> bytes | None:
    async with explorer.open(url) as store:
        return (await store.get("key")).value


@pytest.mark.servers
async def test_consul_variables_lead_to_the_entry(
    guarded: ConsulServer, certificates: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token's file, a unix socket, TLS with a folder of authorities or without verification, as in the tool."""
    token = tmp_path / "token"
    token.write_text(f"{guarded.token}\n")
    folder = tmp_path / "authorities"
    folder.mkdir()
    (folder / "other.pem").write_bytes(certificates.other_authority.read_bytes())
    (folder / "ours.pem").write_bytes(certificates.ca_file.read_bytes())
    (socket,) = [address for address in str(guarded._settings["addresses"]).split("'") if "unix:" in address]  # noqa: SLF001 - no public name has it
    encrypted = f"https://{guarded.address}"
    monkeypatch.setenv("CONSUL_HTTP_TOKEN_FILE", str(token))
    monkeypatch.setenv("CONSUL_HTTP_TOKEN", "not-this-one")
    for variables in (
        {"HTTP_ADDR": f"127.0.0.1:{guarded.port}"},
        {"HTTP_ADDR": socket.removeprefix("127.0.0.1 ")},
        {"HTTP_ADDR": encrypted, "CACERT": str(certificates.ca_file)},
        {"HTTP_ADDR": encrypted, "CAPATH": str(folder)},
        {"HTTP_ADDR": guarded.address, "HTTP_SSL": "true", "CACERT": str(certificates.ca_file)},
    ):
        with monkeypatch.context() as patched:
            for name, text in variables.items():
                patched.setenv(f"CONSUL_{name}", text)
            assert await value() == b"value", variables
    monkeypatch.setenv("CONSUL_HTTP_ADDR", encrypted)
    monkeypatch.setenv("CONSUL_HTTP_SSL_VERIFY", "false")
    with pytest.warns(UserWarning, match="CONSUL_HTTP_SSL_VERIFY"):
        assert await value() == b"value"


async def test_proxy_with_a_path_and_a_login_is_spoken_to(
    shared_consul: ConsulServer, shared_etcd2: EtcdServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A path comes from the variable or from `?path=`; user and password of a proxy from CONSUL_HTTP_AUTH."""
    key = f"test-{uuid.uuid4().hex[:12]}"
    await asyncio.to_thread(shared_consul.json, "PUT", f"/v1/kv/{key}/key", b"value")
    async with AnsweringProxy(shared_consul.address, base="/consul") as proxy:
        monkeypatch.setenv("CONSUL_HTTP_AUTH", f"me:{CANARY}")
        assert await value(f"consul://{proxy.address}/{key}?path=/consul/") == b"value"
        monkeypatch.setenv("CONSUL_HTTP_ADDR", f"http://{proxy.address}/consul/")
        assert await value(f"consul:///{key}") == b"value"
        login = base64.b64encode(f"me:{CANARY}".encode())
        assert all(b"Authorization: Basic " + login in head for head in proxy.heads)
    async with AnsweringProxy(shared_etcd2.address, base="/etcd") as proxy:
        monkeypatch.setenv("ETCDCTL_PEERS", f"http://{proxy.address}/etcd")
        async with explorer.open(f"etcd2:///{key}") as store:
            await store.put("key", b"value")
        assert await value(f"etcd2://{proxy.address}/{key}?path=/etcd") == b"value"


def test_consul_token_file_is_the_last_source_of_the_token(tmp_path: Path) -> None:
    """As for the consul command, the file counts more than the variable with the token itself."""
    file = tmp_path / "token"
    file.write_text("from-the-file\n")
    named = {"HTTP_TOKEN_FILE": str(file), "HTTP_TOKEN": "variable"}

    def token(found: ConsulSettings) -> str:
        return found.access.password.reveal() if found.access.password else ""

    assert token(settings(**named)) == "from-the-file"
    assert token(settings("consul://:url@one/", **named)) == "url"
    assert token(settings("consul:", Access(password=Secret("access")), **named)) == "access"
    with pytest.raises(InvalidAddress, match="CONSUL_HTTP_TOKEN_FILE"):
        settings(HTTP_TOKEN_FILE=str(tmp_path / "missing"))
    file.write_text("\n")
    assert token(settings(**named)) == "variable", "as the consul command does with an empty file"
    with pytest.raises(InvalidAddress, match="is empty"):
        settings(HTTP_TOKEN_FILE=str(file))
    assert CANARY not in repr(settings(HTTP_AUTH=f"me:{CANARY}"))


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        (":8500", "':8500' is not a host and port"),
        ("::1", "'::1' is not a host and port"),
        ("one:99999", "'one:99999' is not a host and port"),
        ("unix://relative.sock", "absolute path"),
        ("unix:///", "absolute path"),
    ],
)
def test_variable_is_named_where_its_address_is_refused(address: str, reason: str) -> None:
    """An unusable address is refused before any request, with the name of the variable."""
    with pytest.raises(InvalidAddress, match=f"CONSUL_HTTP_ADDR: .*{reason}"):
        settings(HTTP_ADDR=address)


@pytest.mark.parametrize("text", [f"{CANARY}\nX: y", f"{CANARY}\x00"])
def test_token_with_a_line_break_is_refused(text: str) -> None:
    """No header can hold it; the error does not repeat it."""
    with pytest.raises(InvalidAddress) as raised:
        ConsulStore(parse("consul://one/"), Access(password=Secret(text)))
    assert CANARY not in f"{raised.value!r}{raised.value.hint}"


@pytest.mark.parametrize("path", ["consul", "/a b", "/a?b", "/\u00e9", "/%2F"])
def test_path_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(InvalidAddress):
        settings(f"consul://one/?path={path.replace('%', '%25')}")


def test_etcdctl_variables_of_both_apis_are_used_or_refused() -> None:
    """Variables that select another store are refused; those that make the connection stricter are warnings."""
    cases = {
        "CACERT": "ca", "CERT": "cert", "KEY": "key", "USER": "ann:pw", "PEERS": "https://one:1",
    }  # fmt: skip
    found = etcd2.settings.load(parse("etcd2:"), Access(), {f"ETCDCTL_{name}": text for name, text in cases.items()})
    assert (found.access.ca_file, found.access.cert_file, found.access.user) == (Path("ca"), Path("cert"), "ann")
    assert ([str(host) for host in found.hosts], found.tls) == (["one:1"], True)
    unverified = {"ETCDCTL_ENDPOINTS": "https://one", "ETCDCTL_INSECURE_SKIP_TLS_VERIFY": "true"}
    for gather_settings, scheme in ((etcd.settings.load, "etcd"), (etcd2.settings.load, "etcd2")):
        with pytest.raises(InvalidAddress, match="ETCDCTL_DISCOVERY_SRV"):
            gather_settings(parse(f"{scheme}:"), Access(), {"ETCDCTL_DISCOVERY_SRV": "example.com"})
        named = gather_settings(parse(f"{scheme}://one/"), Access(), {"ETCDCTL_DISCOVERY_SRV": "example.com"})
        assert not named.address.warnings
        (warning,) = gather_settings(parse(f"{scheme}:"), Access(), unverified).address.warnings
        assert "ETCDCTL_INSECURE_SKIP_TLS_VERIFY" in warning
    with pytest.raises(InvalidAddress, match="path"):
        etcd.settings.load(parse("etcd:"), Access(), {"ETCDCTL_ENDPOINTS": "http://one/path"})
