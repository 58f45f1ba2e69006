"""Consul's settings from URL, access and variables; URL-safe keys; errors of answers."""

from pathlib import Path

import pytest

from explorer.drivers.common.http import Response
from explorer.drivers.consul.errors import SessionEndedError, raise_for_answer, txn_error
from explorer.drivers.consul.keyspace import is_url_safe, url_safe_prefix
from explorer.drivers.consul.settings import ConsulSettings, load
from explorer.model.address import Access, Secret, parse
from explorer.model.errors import (
    ExplorerError,
    Forbidden,
    InvalidKey,
    NotReachable,
    TooLarge,
    Unauthenticated,
)

CANARY = "canary-0c2e"


def settings(url: str = "consul:", access: Access | None = None, /, **variables: str) -> ConsulSettings:
    return load(parse(url), access or Access(), {f"CONSUL_{name}": value for name, value in variables.items()})


def token(found: ConsulSettings) -> str | None:
    return found.access.password.reveal() if found.access.password else None


def test_root_is_the_path_as_a_directory() -> None:
    assert settings("consul+tls://one,two:2/config").root == "config/"


def test_token_precedence_is_access_url_variable() -> None:
    variables = {"HTTP_TOKEN": "variable"}
    assert token(settings(**variables)) == "variable"
    assert token(settings("consul://:url@one/", **variables)) == "url"
    assert token(settings("consul://:url@one/", Access(password=Secret("access")), **variables)) == "access"
    assert token(settings()) is None
    assert token(settings(HTTP_TOKEN="")) is None


def test_token_is_in_no_text_of_the_settings() -> None:
    found = settings(f"consul://:{CANARY}@one/", HTTP_TOKEN=CANARY)
    assert CANARY not in f"{found!r}{found}{found.redacted}"


def test_tls_files_come_from_access_or_variables() -> None:
    found = settings("consul:", Access(ca_file=Path("mine")), CACERT="ca", CLIENT_CERT="cert", CLIENT_KEY="key")
    assert (found.access.ca_file, found.access.cert_file, found.access.key_file) == (
        Path("mine"),
        Path("cert"),
        Path("key"),
    )


def test_scope_has_datacenter_namespace_and_partition() -> None:
    found = settings("consul:?dc=east&partition=p", NAMESPACE="n")
    assert found.scope == {"dc": "east", "ns": "n", "partition": "p"}
    assert settings().scope == {}


@pytest.mark.parametrize(
    ("path", "reached"),
    [
        ("", ""),
        ("a", "a"),
        ("a/", "a/"),
        ("a/b.c/..d", "a/b.c/..d"),
        ("/", ""),
        ("/a", ""),
        ("a//", "a/"),
        ("a//b", "a/"),
        ("a/./b", "a/"),
        ("a/..", "a/"),
        (".", ""),
        ("../a", ""),
    ],
)
def test_url_safe_prefix_ends_before_cleaned_names(path: str, reached: str) -> None:
    """Consul's server cleans paths: `a//b`, `a/./b` and `a/../b` do not survive in a URL."""
    assert url_safe_prefix(path) == reached
    assert is_url_safe(path) == (path == reached)


@pytest.mark.parametrize(
    ("status", "text", "kind", "retryable"),
    [
        (400, "Client sent an HTTP request to an HTTPS server.", NotReachable, True),
        (400, "Bad request", ExplorerError, False),
        (401, "ACL support disabled", Unauthenticated, False),
        (403, "Permission denied", Forbidden, False),
        (403, "ACL not found", Unauthenticated, False),
        (413, "Request body too large", TooLarge, False),
        (429, "Too many requests", NotReachable, True),
        (500, "No cluster leader", NotReachable, True),
        (500, "invalid session", SessionEndedError, False),
        (500, "No path to datacenter", ExplorerError, False),
        (500, "rpc error: Permission denied", Forbidden, False),
        (503, "", NotReachable, True),
    ],
)
def test_raise_for_answer_by_status(status: int, text: str, kind: type[ExplorerError], *, retryable: bool) -> None:
    with pytest.raises(kind) as raised:
        raise_for_answer(Response(status, {}, text.encode()))
    assert type(raised.value) is kind
    assert raised.value.retryable == retryable


@pytest.mark.parametrize("status", [200, 404, 409])
def test_raise_for_answer_accepts_404_and_409(status: int) -> None:
    """The parsers of the answers handle a missing key and a transaction that was not applied."""
    raise_for_answer(Response(status, {"X-Consul-KnownLeader": "true"}, b""))


def test_answer_without_leader_is_not_reachable() -> None:
    with pytest.raises(NotReachable):
        raise_for_answer(Response(200, {"X-Consul-KnownLeader": "false"}, b"[]"))


def test_error_text_is_sanitized_and_short() -> None:
    """The body of another server has its control characters removed, and is cut off."""
    with pytest.raises(NotReachable) as raised:
        raise_for_answer(Response(502, {}, b"\x1b[31mred" + b"x" * 10_000))
    assert "\x1b" not in str(raised.value)
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("Permission denied", Forbidden),
        ("Must provide key", InvalidKey),
        ('invalid session "x"', SessionEndedError),
        ('failed to check index, key "x" doesn\'t exist', None),
    ],
)
def test_txn_error_is_none_only_for_failed_checks(reason: str, kind: type[ExplorerError] | None) -> None:
    found = txn_error([reason])
    assert found is None if kind is None else type(found) is kind
