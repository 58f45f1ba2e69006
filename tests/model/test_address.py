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
def test_hosts_and_path(url: str, hosts: tuple[Host, ...], path: str) -> None:
    address = parse(url)
    assert (address.hosts, address.path) == (hosts, path)


def test_scheme_and_encryption() -> None:
    assert (parse("etcd://h").scheme, parse("etcd://h").tls) == ("etcd", False)
    assert (parse("ETCD+TLS://h").scheme, parse("etcd+tls://h").tls) == ("etcd", True)


def test_options() -> None:
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
def test_what_cannot_be_understood_is_refused_with_a_hint(url: str) -> None:
    with pytest.raises(InvalidAddress) as raised:
        parse(url)
    assert raised.value.hint
    assert "\n" not in str(raised.value)


@given(st.binary())
def test_any_bytes_are_a_path(data: bytes) -> None:
    path = parse("etcd://host/" + "".join(f"%{byte:02x}" for byte in data)).path
    assert encode(path) == data
    assert path == decode(data)


@pytest.mark.parametrize("url", ["etcd://h1:1,h2/path/", "etcd+tls://[::1]:2379/", "memory:", "demo:///a/b"])
def test_what_is_shown_is_the_same_address(url: str) -> None:
    address = parse(url)
    again = parse(address.redacted)
    assert (again.scheme, again.tls, again.hosts, again.path) == (
        address.scheme,
        address.tls,
        address.hosts,
        address.path,
    )


def test_a_password_is_accepted_and_warned_about_and_shown_nowhere() -> None:
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


def test_signs_in_a_password_are_quoted() -> None:
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
def test_no_error_repeats_a_password(url: str) -> None:
    with pytest.raises(InvalidAddress) as raised:
        parse(url)
    told = "".join(traceback.format_exception_only(raised.value)) + repr(raised.value.__dict__)
    cause = raised.value.__cause__
    assert _PASSWORD not in told
    assert _PASSWORD not in str(cause)


def test_an_unknown_option_is_refused_without_the_password() -> None:
    with pytest.raises(InvalidAddress) as raised:
        parse(f"etcd://ada:{_PASSWORD}@host/?color=red").only_options()
    assert _PASSWORD not in str(raised.value)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_secret_is_not_written_down(protocol: int) -> None:
    for holder in (Secret(_PASSWORD), Access(password=Secret(_PASSWORD)), parse(f"etcd://a:{_PASSWORD}@h")):
        with pytest.raises(TypeError):
            pickle.dumps(holder, protocol)


def test_a_secret_is_not_copied_and_equals_by_its_text() -> None:
    with pytest.raises(TypeError):
        copy.deepcopy(Secret(_PASSWORD))
    assert Secret(_PASSWORD) == Secret(_PASSWORD)
    assert Secret(_PASSWORD) != Secret("other")


def test_a_host_keeps_its_own_port() -> None:
    assert Host("h", 1).with_port(2) == Host("h", 1)
    assert Host("h").with_port(2) == Host("h", 2)
    assert str(Host("::1", 2)) == "[::1]:2"
    assert str(replace(Address("etcd"), hosts=(Host("::1"),))) == "etcd://[::1]/"
