"""Settings of every network store, as tables: hosts from variables, and refused values.

A new driver adds one line to `LOADERS` and its rows. What only one store has is tested in a file of its own.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import pytest

from explorer.drivers import consul, etcd, etcd2, redis, zookeeper
from explorer.drivers.common.settings import NetworkSettings
from explorer.model.address import Access, Address, parse
from explorer.model.errors import InvalidAddress

Variables = Mapping[str, str]

NO_VARIABLES: Final[Variables] = MappingProxyType({})
LOADERS: Final[Mapping[str, Callable[[Address, Access, Variables], NetworkSettings]]] = {
    "etcd": etcd.settings.load,
    "etcd2": etcd2.settings.load,
    "consul": consul.settings.load,
    "redis": redis.settings.load,
    "zk": lambda address, access, _: zookeeper.settings.load(address, access),
}
PREFIXES: Final = {"etcd": "ETCDCTL_", "etcd2": "ETCDCTL_", "consul": "CONSUL_HTTP_"}
"""Beginnings of the names of each store's variables."""


def load(url: str, variables: Variables = NO_VARIABLES) -> NetworkSettings:
    """Return the settings of a URL; the variables are named without the store's prefix."""
    address = parse(url)
    prefix = PREFIXES.get(address.scheme, "")
    return LOADERS[address.scheme](address, Access(), {f"{prefix}{name}": text for name, text in variables.items()})


@pytest.mark.parametrize(
    ("url", "variables", "hosts", "tls"),
    [
        ("etcd:", {}, ["127.0.0.1:2379"], False),
        ("etcd:", {"ENDPOINTS": "one"}, ["one:2379"], False),
        ("etcd:", {"ENDPOINTS": "one:1,two:2"}, ["one:1", "two:2"], False),
        ("etcd:", {"ENDPOINTS": "http://one:1"}, ["one:1"], False),
        ("etcd:", {"ENDPOINTS": "https://one:1, https://two"}, ["one:1", "two:2379"], True),
        ("etcd:", {"ENDPOINTS": "http://[::1]:1"}, ["[::1]:1"], False),
        ("etcd:", {"ENDPOINTS": ""}, ["127.0.0.1:2379"], False),  # etcdctl treats an empty variable as unset
        ("etcd+tls:", {"ENDPOINTS": "http://one:1"}, ["one:1"], True),
        ("etcd+tls://three,four:4/", {"ENDPOINTS": "http://one:1"}, ["three:2379", "four:4"], True),
        ("etcd2:", {}, ["127.0.0.1:2379"], False),
        ("etcd2:", {"ENDPOINTS": "one,two:2"}, ["one:2379", "two:2"], False),
        ("etcd2:", {"ENDPOINT": "http://one:1"}, ["one:1"], False),
        ("etcd2:", {"ENDPOINTS": "https://one:1,https://two"}, ["one:1", "two:2379"], True),
        ("consul:", {}, ["127.0.0.1:8500"], False),
        ("consul:", {"ADDR": "one"}, ["one:8500"], False),
        ("consul:", {"ADDR": "one:1"}, ["one:1"], False),
        ("consul:", {"ADDR": "http://one:1"}, ["one:1"], False),
        ("consul:", {"ADDR": "https://one:1"}, ["one:1"], True),
        ("consul:", {"ADDR": "https://one"}, ["one:8501"], True),
        ("consul:", {"ADDR": "one:1", "SSL": "true"}, ["one:1"], True),
        ("consul:", {"SSL": "1"}, ["127.0.0.1:8501"], True),
        ("consul:", {"ADDR": "one:1", "SSL": "false"}, ["one:1"], False),
        ("consul:", {"ADDR": ""}, ["127.0.0.1:8500"], False),
        ("consul+tls://one,two:2/config", {"ADDR": "http://three:3"}, ["one:8501", "two:2"], True),
        ("consul://one/", {"ADDR": "https://three:3", "SSL": "true"}, ["one:8500"], False),
    ],
)
def test_hosts_come_from_url_variables_or_default(
    url: str, variables: Variables, hosts: list[str], *, tls: bool
) -> None:
    """Hosts and TLS come from the URL; without hosts, from the tool's variables, or are the tool's defaults."""
    found = load(url, variables)
    assert ([str(host) for host in found.hosts], found.tls) == (hosts, tls)


INVALID_ENDPOINTS: Final = {
    "etcd": ("ftp://one", ",", "one:port", "http://one:99999", "http://[::1", "unix:///sock"),
    "etcd2": ("ftp://one", ",", "one:port", "http://one:99999", "http://[::1"),
    "consul": (
        *("ftp://one", "unix://", "unix://host/sock", "one,unix:///sock", "one:port", "http://one:99999"),
        *("http://[::1", "//", "http://me:pw@one", "http://one/?x=y", "http://one/a,http://two/b"),
    ),
}


@pytest.mark.parametrize(
    ("url", "variable", "text"),
    [("etcd:", "ENDPOINTS", text) for text in INVALID_ENDPOINTS["etcd"]]
    + [("etcd2:", "ENDPOINTS", text) for text in INVALID_ENDPOINTS["etcd2"]]
    + [("consul:", "ADDR", text) for text in INVALID_ENDPOINTS["consul"]],
)
def test_invalid_endpoints_of_a_variable_are_refused(url: str, variable: str, text: str) -> None:
    """Invalid endpoints in a variable raise InvalidAddress with a hint."""
    with pytest.raises(InvalidAddress) as raised:
        load(url, {variable: text})
    assert raised.value.hint


@pytest.mark.parametrize("scheme", LOADERS)
@pytest.mark.parametrize("text", ["0", "-1", "soon", "inf", "nan", "1e999"])
def test_timeout_must_be_a_positive_number(scheme: str, text: str) -> None:
    """The timeout is a positive number of seconds."""
    with pytest.raises(InvalidAddress) as raised:
        load(f"{scheme}://one/?timeout={text}")
    assert raised.value.hint


@pytest.mark.parametrize("scheme", LOADERS)
def test_unknown_option_is_refused(scheme: str) -> None:
    """An unknown option of the URL raises InvalidAddress with a hint."""
    with pytest.raises(InvalidAddress) as raised:
        load(f"{scheme}://one/?seperator=:")
    assert raised.value.hint


@pytest.mark.parametrize("url", ["etcd://one/?separator=", "consul:?separator=", "consul://me@one/"])
def test_invalid_part_of_the_url_is_refused(url: str) -> None:
    """An empty separator, or a user where the store has none, raises InvalidAddress with a hint."""
    with pytest.raises(InvalidAddress) as raised:
        load(url)
    assert raised.value.hint
