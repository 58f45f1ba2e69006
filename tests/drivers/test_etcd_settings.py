"""etcd's connection settings, and the translation of gRPC statuses."""

from pathlib import Path

import grpc
import pytest

from explorer.drivers.etcd.errors import translate
from explorer.drivers.etcd.settings import EtcdSettings, load
from explorer.model.address import Access, Secret, parse
from explorer.model.errors import (
    CallNotSupported,
    Compacted,
    ExplorerError,
    Forbidden,
    InvalidKey,
    NoSpace,
    NotReachable,
    Timeout,
    TlsFailed,
    TooLarge,
    Unauthenticated,
)

CANARY = "canary-7f3a"
Code = grpc.StatusCode


def settings(url: str = "etcd:", access: Access | None = None, /, **variables: str) -> EtcdSettings:
    return load(parse(url), access or Access(), {f"ETCDCTL_{name}": value for name, value in variables.items()})


def password(found: EtcdSettings) -> str | None:
    return found.access.password.reveal() if found.access.password else None


# User and password


@pytest.mark.parametrize(
    ("variables", "user", "secret"),
    [
        ({}, None, None),
        ({"USER": "me"}, "me", None),
        ({"USER": "me:word"}, "me", "word"),
        ({"USER": "me:wo:rd"}, "me", "wo:rd"),
        ({"USER": "me", "PASSWORD": "word"}, "me", "word"),
        ({"USER": "me:word", "PASSWORD": ""}, "me", "word"),  # an empty variable counts as unset
        (
            {"USER": "me:part", "PASSWORD": "word"},
            "me:part",
            "word",
        ),  # with PASSWORD set, the name is not split
    ],
)
def test_user_and_password_come_from_etcdctl(variables: dict[str, str], user: str | None, secret: str | None) -> None:
    """User and password are read from etcdctl's variables, as etcdctl does."""
    found = settings(**variables)
    assert (found.access.user, password(found)) == (user, secret)


def test_access_overrides_url_and_variables() -> None:
    """The access overrides the URL, and that the variables."""
    url, variables = "etcd://you:url@one/", {"USER": "me", "PASSWORD": "variable"}
    found = settings(url, **variables)
    assert (found.access.user, password(found)) == ("you", "url")
    found = settings(url, Access(user="them", password=Secret("access")), **variables)
    assert (found.access.user, password(found)) == ("them", "access")


def test_password_is_not_used_for_another_user() -> None:
    """A variable's password is not used for a user from elsewhere."""
    found = settings("etcd://one/", Access(user="you"), USER="me:word")
    assert (found.access.user, password(found)) == ("you", None)
    found = settings("etcd://you@one/", USER="me:word")
    assert (found.access.user, password(found)) == ("you", None)
    found = settings("etcd://me:url@one/", Access(user="you"))
    assert (found.access.user, password(found)) == ("you", None)


def test_password_is_in_no_repr() -> None:
    """No repr has the password."""
    found = settings("etcd:", USER=f"me:{CANARY}")
    for shown in (repr(found), str(found), repr(found.access), found.redacted):
        assert CANARY not in shown


# Files and options


def test_tls_files_come_from_etcdctl(tmp_path: Path) -> None:
    """The TLS files are read from etcdctl's variables."""
    found = settings(CACERT=str(tmp_path / "ca"), CERT=str(tmp_path / "cert"), KEY=str(tmp_path / "key"))
    access = found.access
    assert (access.ca_file, access.cert_file, access.key_file) == (
        tmp_path / "ca",
        tmp_path / "cert",
        tmp_path / "key",
    )
    near = settings("etcd:", Access(ca_file=tmp_path / "near"), CACERT=str(tmp_path / "ca"))
    assert near.access.ca_file == tmp_path / "near"


def test_tls_files_are_ignored_without_tls(tmp_path: Path) -> None:
    """Without TLS, the files are not read."""
    missing = str(tmp_path / "missing.pem")
    assert settings("etcd://one/", CACERT=missing).credentials() is None
    with pytest.raises(TlsFailed, match=r"cannot read .*missing\.pem"):
        settings("etcd+tls://one/", CACERT=missing).credentials()


@pytest.mark.parametrize("given", ["CERT", "KEY"])
def test_certificate_without_key_is_refused(given: str, tmp_path: Path) -> None:
    """A client certificate needs its key, and the key its certificate."""
    with pytest.raises(TlsFailed, match="belong together"):
        settings("etcd+tls://one/", **{given: str(tmp_path / "half")}).credentials()


@pytest.mark.parametrize("content", [b"", b"no PEM\n", b"\0\xff"])
def test_file_that_is_no_pem_is_named(content: bytes, tmp_path: Path) -> None:
    """The error for a file that is no PEM file names it."""
    file = tmp_path / "ca.pem"
    file.write_bytes(content)
    with pytest.raises(TlsFailed, match=r"ca\.pem"):
        settings("etcd+tls://one/", CACERT=str(file)).credentials()


def test_server_name_is_used_with_tls_only() -> None:
    """The server name is a channel option of TLS connections only."""
    named = Access(server_name="elsewhere")
    assert settings("etcd+tls://one/", named).channel_options(()) == [("grpc.ssl_target_name_override", "elsewhere")]
    assert settings("etcd://one/", named).channel_options(()) == []


def test_root_is_the_path_as_a_directory() -> None:
    """The URL's path is the beginning of every key."""
    assert settings("etcd://one/config").root == b"config/"
    assert settings("etcd://one//registry/").root == b"/registry/"
    assert settings("etcd://one/a?separator=:").root == b"a:"
    assert settings("etcd://one").root == b""


# Translation of gRPC statuses


@pytest.mark.parametrize(
    ("code", "details", "kind", "retryable"),
    [
        (Code.UNAVAILABLE, "failed to connect to all addresses; last error: Connection refused", NotReachable, True),
        (Code.UNAVAILABLE, "Socket closed", NotReachable, True),
        (Code.UNAVAILABLE, "recvmsg:Connection reset by peer", NotReachable, True),
        (Code.UNAVAILABLE, "DNS resolution failed for nowhere.invalid:2379", NotReachable, True),
        (Code.UNAVAILABLE, "etcdserver: leader changed", NotReachable, True),
        (Code.UNAVAILABLE, "etcdserver: request timed out", NotReachable, True),
        (Code.UNAVAILABLE, "etcdserver: no leader", NotReachable, True),
        (Code.UNAVAILABLE, "failed to connect: CERTIFICATE_VERIFY_FAILED: certificate has expired", TlsFailed, False),
        (Code.UNAVAILABLE, "failed to connect: CERTIFICATE_VERIFY_FAILED: unable to get", TlsFailed, False),
        (Code.UNAVAILABLE, "Hostname Verification Check failed", TlsFailed, False),
        (Code.UNAVAILABLE, "Peer name one is not in peer certificate", TlsFailed, False),
        (Code.UNAVAILABLE, "failed to connect: WRONG_VERSION_NUMBER", TlsFailed, False),
        (Code.UNAVAILABLE, "TLSV1_ALERT_CERTIFICATE_REQUIRED: tlsv13 alert certificate required", TlsFailed, False),
        (Code.UNAVAILABLE, "failed to connect: Ssl handshake failed", TlsFailed, False),
        (Code.UNAVAILABLE, "failed to connect: Unwrap failed (TSI_DATA_CORRUPTED)", TlsFailed, False),
        (Code.UNAVAILABLE, "failed to connect: Failed to create security handshaker.", TlsFailed, False),
        (Code.UNAVAILABLE, "failed to connect: Handshake read failed (Socket closed)", NotReachable, True),
        (Code.DEADLINE_EXCEEDED, "Deadline Exceeded", Timeout, True),
        (Code.CANCELLED, "Locally cancelled by application!", NotReachable, True),
        (Code.UNAUTHENTICATED, "etcdserver: invalid auth token", Unauthenticated, False),
        (
            Code.INVALID_ARGUMENT,
            "etcdserver: authentication failed, invalid user ID or password",
            Unauthenticated,
            False,
        ),
        (Code.INVALID_ARGUMENT, "etcdserver: user name is empty", Unauthenticated, False),
        (Code.INVALID_ARGUMENT, "etcdserver: revision of auth store is old", Unauthenticated, False),
        (Code.INTERNAL, "Internal error from Core", NotReachable, True),
        (Code.INTERNAL, "Received RST_STREAM with error code 2", NotReachable, True),
        (Code.PERMISSION_DENIED, "etcdserver: permission denied", Forbidden, False),
        (Code.OUT_OF_RANGE, "etcdserver: mvcc: required revision has been compacted", Compacted, False),
        (Code.OUT_OF_RANGE, "etcdserver: mvcc: required revision is a future revision", NotReachable, True),
        (Code.RESOURCE_EXHAUSTED, "etcdserver: mvcc: database space exceeded", NoSpace, False),
        (Code.RESOURCE_EXHAUSTED, "grpc: received message larger than max (9 vs. 8)", TooLarge, False),
        (Code.RESOURCE_EXHAUSTED, "etcdserver: too many requests", NotReachable, True),
        (Code.INVALID_ARGUMENT, "etcdserver: request is too large", TooLarge, False),
        (Code.INVALID_ARGUMENT, "etcdserver: key is not provided", InvalidKey, False),
        (Code.INVALID_ARGUMENT, "etcdserver: duplicate key given in txn request", ExplorerError, False),
        (Code.UNIMPLEMENTED, "unknown method RangeStream", CallNotSupported, False),
        (Code.UNKNOWN, "something new", NotReachable, True),
        (Code.DATA_LOSS, "etcdserver: corrupt cluster", NotReachable, True),
    ],
)
def test_translate_maps_each_status_to_its_error(
    code: Code, details: str, kind: type[ExplorerError], *, retryable: bool
) -> None:
    """Each gRPC status is the error of the tree that it means."""
    error = translate(code, details).error
    assert type(error) is kind
    assert error.retryable is retryable
    assert error.message
    assert "\n" not in f"{error}{error.hint}"


@pytest.mark.parametrize("code", list(Code))
@pytest.mark.parametrize("details", ["", None])
def test_translate_without_details_has_a_message(code: Code, details: str | None) -> None:
    """A status without details is an error with a message."""
    assert translate(code, details).error.message


@pytest.mark.parametrize(
    ("code", "details", "unsent"),
    [
        (Code.UNAVAILABLE, "failed to connect to all addresses; last error: Connection refused", True),
        (Code.UNAVAILABLE, "DNS resolution failed for nowhere.invalid:2379", True),
        (Code.UNAVAILABLE, "errors resolving nowhere.invalid:2379: [field:hostname lookup error]", True),
        (Code.UNAVAILABLE, "Socket closed", False),
        (Code.UNAVAILABLE, "etcdserver: request timed out", False),
        (Code.DEADLINE_EXCEEDED, "Deadline Exceeded", False),
    ],
)
def test_translate_distinguishes_sent_from_not_sent(code: Code, details: str, *, unsent: bool) -> None:
    """Only a request that was not sent is reported as such."""
    assert translate(code, details).not_sent is unsent


@pytest.mark.parametrize("text", ["invalid auth token", "revision of auth store is old"])
def test_translate_marks_a_refused_token(text: str) -> None:
    """A refused token may be refreshed."""
    for code in (Code.UNAUTHENTICATED, Code.INVALID_ARGUMENT):
        assert translate(code, f"etcdserver: {text}").is_token_refused


def test_translate_of_wrong_password_is_no_token_error() -> None:
    """A wrong password is not sent again."""
    status = translate(Code.INVALID_ARGUMENT, "etcdserver: authentication failed, invalid user ID or password")
    assert not status.is_token_refused


def test_translate_sanitizes_details() -> None:
    """A server's text has no control characters in messages."""
    error = translate(Code.UNKNOWN, "a\x1b]52;c;\x07b\nc\u202e").error
    assert not set(str(error)) & {"\x1b", "\x07", "\n", "\u202e"}
