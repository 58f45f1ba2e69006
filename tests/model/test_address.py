import copy
import pickle
import traceback
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.model.address import Access, Address, Host, Secret, parse
from explorer.model.errors import InvalidAddress
from explorer.model.keys import decode, encode

_PASSWORD = "hunter2-and-more"  # noqa: S105 - the one that must not be seen


@pytest.mark.parametrize(
    ("url", "hosts", "path"),
    [
        ("etcd://127.0.0.1:2379/config/", (Host("127.0.0.1", 2379),), "config/"),
        ("etcd://h1:1,h2:2,h3/a", (Host("h1", 1), Host("h2", 2), Host("h3")), "a"),
        ("etcd://host", (Host("host"),), ""),
        ("etcd://host/", (Host("host"),), ""),
        ("etcd://host//registry/", (Host("host"),), "/registry/"),
        ("etcd://[::1]:2379,[fe80::2%25eth0]/x", (Host("::1", 2379), Host("fe80::2%eth0")), "x"),
        ("memory:", (), ""),
        ("demo:service/access", (), "service/access"),
        ("bolt:///var/lib/my.db", (), "var/lib/my.db"),
        ("etcd://host/a%2Fb%20c%23d", (Host("host"),), "a/b c#d"),
        ("etcd://host/a#b", (Host("host"),), "a#b"),
        ("etcd://host/%ff", (Host("host"),), "\udcff"),
        ("etcd://host/%C3%BC", (Host("host"),), "ü"),
    ],
)
def test_parse_hosts_and_path(url: str, hosts: tuple[Host, ...], path: str) -> None:
    """A URL has hosts and a path."""
    address = parse(url)
    assert (address.hosts, address.path) == (hosts, path)


def test_parse_scheme_and_tls() -> None:
    """The scheme has the store and TLS."""
    assert (parse("etcd://h").scheme, parse("etcd://h").tls) == ("etcd", False)
    assert (parse("ETCD+TLS://h").scheme, parse("etcd+tls://h").tls) == ("etcd", True)


def test_parse_options() -> None:
    """Options are the query of the URL."""
    address = parse("etcd://h/?separator=:&empty=&still")
    assert address.option("separator", "/") == ":"
    assert address.option("missing", "default") == "default"
    assert dict(address.options) == {"separator": ":", "empty": "", "still": ""}
    address.only_options("separator", "empty", "still")
    with pytest.raises(InvalidAddress, match="'empty'") as raised:
        address.only_options("separator")
    assert "separator" in raised.value.hint


_NO_URL = ["", "etcd", "/etcd", "://h", "et cd://h", "etcd+ssl://h"]
_NO_HOST = ["h:port", "h:0", "h:65536", ":2379", "[::1", "[]:1", "h:-1", "h:\uff11"]


@pytest.mark.parametrize("url", _NO_URL + [f"etcd://{host}" for host in _NO_HOST])
def test_parse_malformed_url_raises_with_hint(url: str) -> None:
    """A malformed URL is refused with a hint."""
    with pytest.raises(InvalidAddress) as raised:
        parse(url)
    assert raised.value.hint
    assert "\n" not in str(raised.value)


@given(st.binary())
def test_parse_path_of_any_bytes(data: bytes) -> None:
    """A path can have any bytes, percent-encoded."""
    path = parse("etcd://host/" + "".join(f"%{byte:02x}" for byte in data)).path
    assert encode(path) == data
    assert path == decode(data)


@pytest.mark.parametrize("url", ["etcd://h1:1,h2/path/", "etcd+tls://[::1]:2379/", "memory:", "demo:///a/b"])
def test_redacted_parses_to_the_same_address(url: str) -> None:
    """The redacted URL is the same address."""
    address = parse(url)
    again = parse(address.redacted)
    assert (again.scheme, again.tls, again.hosts, again.path) == (
        address.scheme,
        address.tls,
        address.hosts,
        address.path,
    )


def test_password_in_url_is_warned_about_and_redacted() -> None:
    """A password is accepted with a warning, and shown nowhere."""
    address = parse(f"etcd://ada:{_PASSWORD}@host:2379/path?separator=:")
    assert address.user == "ada"
    assert address.password is not None
    assert address.password.reveal() == _PASSWORD
    assert address.warnings
    for shown in (
        str(address),
        repr(address),
        address.redacted,
        f"{address.password}",
        repr(Access(password=address.password)),
    ):
        assert _PASSWORD not in shown
    assert _PASSWORD not in "".join(address.warnings)
    assert parse("etcd://ada@host").warnings == ()


def test_password_with_quoted_characters() -> None:
    """Special characters of a password are percent-encoded."""
    address = parse("etcd://ada%40home:p%2Fa%3As%40s@host")
    assert address.user == "ada@home"
    assert address.password == Secret("p/a:s@s")


@pytest.mark.parametrize(
    "url",
    [
        f"etcd://ada:{_PASSWORD}@host:99999/",
        f"etcd://ada:{_PASSWORD}@ho\u2100st/",
        f"etcd://ada:{_PASSWORD}@[::1/",
        f"etcd+ssl://ada:{_PASSWORD}@host/",
        f"etcd//ada:{_PASSWORD}@host/",
        f"etcd://ada:{_PASSWORD}/with-a-slash@host/",
        f"etcd://ada:{_PASSWORD}?with-a-question@host/",
    ],
)
def test_parse_errors_do_not_repeat_password(url: str) -> None:
    """No error repeats a password."""
    with pytest.raises(InvalidAddress) as raised:
        parse(url)
    printed = "".join(traceback.format_exception_only(raised.value)) + repr(raised.value.__dict__)
    cause = raised.value.__cause__
    assert _PASSWORD not in printed
    assert _PASSWORD not in str(cause)


def test_unknown_option_raises_without_password() -> None:
    """An unknown option is refused without the password."""
    with pytest.raises(InvalidAddress) as raised:
        parse(f"etcd://ada:{_PASSWORD}@host/?color=red").only_options()
    assert _PASSWORD not in str(raised.value)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_secret_cannot_be_pickled(protocol: int) -> None:
    """No pickle has a secret, in whatever object it is."""
    for holder in (Secret(_PASSWORD), Access(password=Secret(_PASSWORD)), parse(f"etcd://a:{_PASSWORD}@h")):
        with pytest.raises(TypeError):
            pickle.dumps(holder, protocol)


def test_secret_equality_and_copy() -> None:
    """A secret is compared by its text, and not copied."""
    with pytest.raises(TypeError):
        copy.deepcopy(Secret(_PASSWORD))
    assert Secret(_PASSWORD) == Secret(_PASSWORD)
    assert Secret(_PASSWORD) != Secret("other")


def test_host_with_port_keeps_own_port() -> None:
    """A host keeps its own port."""
    assert Host("h", 1).with_port(2) == Host("h", 1)
    assert Host("h").with_port(2) == Host("h", 2)
    assert str(Host("::1", 2)) == "[::1]:2"
    assert str(replace(Address("etcd"), hosts=(Host("::1"),))) == "etcd://[::1]/"


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("bolt:///data/x.db", "data/x.db"),
        ("bolt:/data/x.db", "data/x.db"),
        ("bolt:x.db", "./x.db"),
        ("file:folder/x.yaml", "./folder/x.yaml"),
        ("file:./x", "./x"),
        ("file:../x", "../x"),
        ("file:~/x", "~/x"),
        ("file:.hidden/x", "./.hidden/x"),
        ("bolt:", ""),
        ("memory:x", "x"),
    ],
)
def test_parse_path_of_a_file_without_a_slash_is_relative(url: str, path: str) -> None:
    """As in the shell; elsewhere the path is a prefix of keys."""
    assert parse(url).path == path
