"""The servers the other tests trust: what they are, and that the faults really happen to them."""

import http.client
import socket
import ssl
from pathlib import Path

import pytest

from tests.servers.certificates import Certificates, KeyPair
from tests.servers.etcd import EtcdCluster, EtcdctlError, EtcdServer, Grant, Tls
from tests.servers.processes import HOST, ServerFailedError
from tests.servers.waiting import wait_until

pytestmark = pytest.mark.servers


def test_server_has_the_requested_version(shared_etcd: EtcdServer, etcd_version: str) -> None:
    assert shared_etcd.status()["version"].startswith(f"{etcd_version}.")
    assert shared_etcd.ctl("version").startswith(f"etcdctl version: {etcd_version}.")


def test_shared_server_is_started_once(shared_etcd: EtcdServer, prefix: str) -> None:
    pid = shared_etcd.pid
    shared_etcd.ctl("put", f"{prefix}a", given=b"\x00\xff")
    assert shared_etcd.ctl("get", "--print-value-only", f"{prefix}a").rstrip("\n") == "\x00\udcff"
    assert shared_etcd.pid == pid


def test_restart_after_kill_keeps_data_and_port(own_etcd: EtcdServer) -> None:
    own_etcd.ctl("put", "kept", "1")
    url, pid, revision = own_etcd.url, own_etcd.pid, own_etcd.revision()
    own_etcd.kill()
    assert not own_etcd.running
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, own_etcd.client_port), timeout=1)
    own_etcd.start()
    assert own_etcd.url == url
    assert own_etcd.pid != pid
    assert own_etcd.ctl("get", "kept") == "kept\n1\n"
    assert own_etcd.revision() == revision


def test_paused_server_accepts_and_does_not_answer(own_etcd: EtcdServer) -> None:
    own_etcd.pause()
    with socket.create_connection((HOST, own_etcd.client_port), timeout=5):
        assert not own_etcd.answers()
    own_etcd.resume()
    wait_until(own_etcd.answers, "it answers again")


def test_pause_takes_effect_at_once(own_etcd: EtcdServer) -> None:
    for _ in range(50):
        own_etcd.pause()
        connection = http.client.HTTPConnection(HOST, own_etcd.client_port, timeout=0.02)
        with pytest.raises(TimeoutError):
            ask_version(connection)
        connection.close()
        own_etcd.resume()


def test_snapshot_restores_an_older_state(own_etcd: EtcdServer, tmp_path: Path) -> None:
    own_etcd.ctl("put", "a", "1")
    own_etcd.save_snapshot(tmp_path / "snapshot")
    before = own_etcd.revision()
    own_etcd.ctl("put", "a", "2")
    with pytest.raises(ServerFailedError, match="stop the server"):
        own_etcd.restore_snapshot(tmp_path / "snapshot")
    own_etcd.stop()
    own_etcd.restore_snapshot(tmp_path / "snapshot")
    own_etcd.start()
    assert own_etcd.ctl("get", "a") == "a\n1\n"
    assert own_etcd.revision() == before


def test_compaction_drops_history(own_etcd: EtcdServer) -> None:
    for value in "123":
        own_etcd.ctl("put", "a", value)
    assert own_etcd.compact() == 4
    with pytest.raises(EtcdctlError, match="compacted"):
        own_etcd.ctl("get", "--rev", "2", "a")


def test_full_store_refuses_puts_until_there_is_space(etcd_version: str) -> None:
    with EtcdServer(etcd_version, quota_bytes=2_000_000) as server:
        server.fill_up()
        with pytest.raises(EtcdctlError, match="database space exceeded"):
            server.ctl("put", "a", "1")
        assert "NOSPACE" in server.ctl("alarm", "list")
        server.make_room()
        assert server.ctl("put", "a", "1") == "OK\n"


def test_authentication_denies_anonymous_and_ungranted_users(etcd_version: str) -> None:
    with EtcdServer(etcd_version, token_ttl=1) as server:
        server.enable_auth("secret")
        server.add_user("app", "pass", [Grant("readwrite", "/app/")])
        assert server.ctl("put", "/app/a", "1", user="app:pass") == "OK\n"
        with pytest.raises(EtcdctlError, match="permission denied"):
            server.ctl("put", "/other", "1", user="app:pass")
        with pytest.raises(EtcdctlError, match="authentication failed"):
            server.ctl("get", "/app/a", user="app:wrong")
        with pytest.raises(EtcdctlError, match="user name is empty"):
            server.ctl("get", "/app/a", user=":")
        assert server.ctl("get", "/app/a") == "/app/a\n1\n"


def ask_version(connection: http.client.HTTPConnection) -> bytes:
    connection.request("GET", "/version")
    return connection.getresponse().read()


def handshake(server: EtcdServer, authority: Path, client: KeyPair | None = None) -> None:
    trust = ssl.create_default_context(cafile=str(authority))
    if client is not None:
        trust.load_cert_chain(client.cert_file, client.key)
    connection = http.client.HTTPSConnection(HOST, server.client_port, context=trust, timeout=5)
    try:
        assert b"etcdserver" in ask_version(connection)
    finally:
        connection.close()


def test_tls_server_answers_clients_with_its_ca(etcd_version: str, certificates: Certificates) -> None:
    with EtcdServer(etcd_version, tls=Tls(certificates.ca_file, certificates.server)) as server:
        assert server.url.startswith("https://")
        assert server.ctl("put", "a", "1") == "OK\n"
        handshake(server, certificates.ca_file)
        with pytest.raises(ssl.SSLCertVerificationError, match=r"unable to get local issuer|self-signed"):
            handshake(server, certificates.other_authority)


@pytest.mark.parametrize(("shown", "complaint"), [("wrong_name", "mismatch"), ("expired", "expired")])
def test_wrong_certificates_are_wrong_as_named(certificates: Certificates, shown: str, complaint: str) -> None:
    with (
        EtcdServer("3.5", tls=Tls(certificates.ca_file, getattr(certificates, shown))) as server,
        pytest.raises(ssl.SSLCertVerificationError, match=complaint),
    ):
        handshake(server, certificates.ca_file)


def test_mutual_tls_accepts_only_its_own_certificates(etcd_version: str, certificates: Certificates) -> None:
    tls = Tls(certificates.ca_file, certificates.server, certificates.ca_file, certificates.client)
    with EtcdServer(etcd_version, tls=tls) as server:
        assert server.ctl("put", "a", "1") == "OK\n"
        handshake(server, certificates.ca_file, certificates.client)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            handshake(server, certificates.ca_file, certificates.stranger)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            handshake(server, certificates.ca_file)


def test_taken_port_is_replaced(etcd_version: str) -> None:
    server = EtcdServer(etcd_version)
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        server.client_port = taken.getsockname()[1]
        with server:
            assert server.client_port != taken.getsockname()[1]
            assert server.ctl("put", "a", "1") == "OK\n"


def test_failed_start_reports_the_reason(etcd_version: str) -> None:
    with (
        pytest.raises(ServerFailedError, match=r"before it answered:(.|\n)*no-such-option"),
        EtcdServer(etcd_version, arguments=["--no-such-option"]),
    ):
        pytest.fail("it started")


def test_cluster_elects_another_leader_after_a_kill(etcd_cluster: EtcdCluster) -> None:
    leader = etcd_cluster.leader()
    leader.ctl("put", "kept", "1")
    leader.kill()
    successor = etcd_cluster.leader()
    assert successor is not leader
    assert successor.ctl("get", "kept") == "kept\n1\n"
    leader.start()
    assert leader.ctl("get", "kept") == "kept\n1\n"


def test_cluster_without_quorum_is_unhealthy(etcd_cluster: EtcdCluster) -> None:
    leader, followers = etcd_cluster.leader(), etcd_cluster.followers()
    for follower in followers:
        follower.pause()
    wait_until(lambda: not leader.answers(), "the leader alone has no authority")
    for follower in followers:
        follower.resume()
    wait_until(leader.answers, "the cluster answers again")
