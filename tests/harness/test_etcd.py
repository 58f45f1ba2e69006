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


def test_is_the_version_it_is_called(shared_etcd: EtcdServer, etcd_version: str) -> None:
    assert shared_etcd.status()["version"].startswith(f"{etcd_version}.")
    assert shared_etcd.ctl("version").startswith(f"etcdctl version: {etcd_version}.")


def test_the_shared_server_stays_the_same(shared_etcd: EtcdServer, prefix: str) -> None:
    pid = shared_etcd.pid
    shared_etcd.ctl("put", f"{prefix}a", given=b"\x00\xff")
    assert shared_etcd.ctl("get", "--print-value-only", f"{prefix}a").rstrip("\n") == "\x00\udcff"
    assert shared_etcd.pid == pid


def test_kill_ends_it_and_start_brings_back_its_data_on_the_same_port(own_etcd: EtcdServer) -> None:
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


def test_a_paused_server_takes_connections_and_answers_nothing(own_etcd: EtcdServer) -> None:
    own_etcd.pause()
    with socket.create_connection((HOST, own_etcd.client_port), timeout=5):
        assert not own_etcd.answers()
    own_etcd.resume()
    wait_until(own_etcd.answers, "it answers again")


def test_no_answer_slips_out_between_the_pause_and_its_effect(own_etcd: EtcdServer) -> None:
    for _ in range(50):
        own_etcd.pause()
        connection = http.client.HTTPConnection(HOST, own_etcd.client_port, timeout=0.02)
        with pytest.raises(TimeoutError):
            ask_version(connection)
        connection.close()
        own_etcd.resume()


def test_a_snapshot_takes_the_store_back(own_etcd: EtcdServer, tmp_path: Path) -> None:
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


def test_compaction_forgets_history(own_etcd: EtcdServer) -> None:
    for value in "123":
        own_etcd.ctl("put", "a", value)
    assert own_etcd.compact() == 4
    with pytest.raises(EtcdctlError, match="compacted"):
        own_etcd.ctl("get", "--rev", "2", "a")


def test_a_full_store_refuses_puts_until_there_is_room(etcd_version: str) -> None:
    with EtcdServer(etcd_version, quota_bytes=2_000_000) as server:
        server.fill_up()
        with pytest.raises(EtcdctlError, match="database space exceeded"):
            server.ctl("put", "a", "1")
        assert "NOSPACE" in server.ctl("alarm", "list")
        server.make_room()
        assert server.ctl("put", "a", "1") == "OK\n"


def test_authentication_denies_the_nameless_and_the_ungranted(etcd_version: str) -> None:
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


def test_tls_answers_those_who_trust_its_authority(etcd_version: str, certificates: Certificates) -> None:
    with EtcdServer(etcd_version, tls=Tls(certificates.ca_file, certificates.server)) as server:
        assert server.url.startswith("https://")
        assert server.ctl("put", "a", "1") == "OK\n"
        handshake(server, certificates.ca_file)
        with pytest.raises(ssl.SSLCertVerificationError, match=r"unable to get local issuer|self-signed"):
            handshake(server, certificates.other_authority)


@pytest.mark.parametrize(("shown", "complaint"), [("wrong_name", "mismatch"), ("expired", "expired")])
def test_certificates_are_wrong_in_the_way_of_their_name(
    certificates: Certificates, shown: str, complaint: str
) -> None:
    with (
        EtcdServer("3.5", tls=Tls(certificates.ca_file, getattr(certificates, shown))) as server,
        pytest.raises(ssl.SSLCertVerificationError, match=complaint),
    ):
        handshake(server, certificates.ca_file)


def test_a_server_that_asks_for_client_certificates_lets_in_only_its_own(
    etcd_version: str, certificates: Certificates
) -> None:
    tls = Tls(certificates.ca_file, certificates.server, certificates.ca_file, certificates.client)
    with EtcdServer(etcd_version, tls=tls) as server:
        assert server.ctl("put", "a", "1") == "OK\n"
        handshake(server, certificates.ca_file, certificates.client)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            handshake(server, certificates.ca_file, certificates.stranger)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            handshake(server, certificates.ca_file)


def test_a_port_that_somebody_took_is_exchanged_for_another(etcd_version: str) -> None:
    server = EtcdServer(etcd_version)
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        server.client_port = taken.getsockname()[1]
        with server:
            assert server.client_port != taken.getsockname()[1]
            assert server.ctl("put", "a", "1") == "OK\n"


def test_a_server_that_cannot_start_says_why(etcd_version: str) -> None:
    with (
        pytest.raises(ServerFailedError, match=r"before it answered:(.|\n)*no-such-option"),
        EtcdServer(etcd_version, arguments=["--no-such-option"]),
    ):
        pytest.fail("it started")


def test_a_cluster_elects_another_leader_when_its_own_is_killed(etcd_cluster: EtcdCluster) -> None:
    leader = etcd_cluster.leader()
    leader.ctl("put", "kept", "1")
    leader.kill()
    successor = etcd_cluster.leader()
    assert successor is not leader
    assert successor.ctl("get", "kept") == "kept\n1\n"
    leader.start()
    assert leader.ctl("get", "kept") == "kept\n1\n"


def test_a_cluster_without_quorum_is_not_healthy_until_it_has_one_again(etcd_cluster: EtcdCluster) -> None:
    leader, followers = etcd_cluster.leader(), etcd_cluster.followers()
    for follower in followers:
        follower.pause()
    wait_until(lambda: not leader.answers(), "the leader alone has no authority")
    for follower in followers:
        follower.resume()
    wait_until(leader.answers, "the cluster answers again")
