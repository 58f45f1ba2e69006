"""Fast writes to real servers, without Keyscope: transactions where there are any, several connections elsewhere."""

import base64
import http.client
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Final, TypeAlias
from urllib.parse import urlencode

import grpc
from kazoo.client import KazooClient
from redis import Redis

from explorer.drivers.etcd import messages
from explorer.drivers.etcd.endpoint import TXN
from tests.servers.consul import ConsulServer
from tests.servers.etcd import EtcdServer
from tests.servers.redis import RedisServer

Entries: TypeAlias = Iterable[tuple[str, bytes]]

_CONSUL_OPERATIONS: Final = 64
"""Operations that Consul takes in a transaction."""
_ETCD2_CONNECTIONS: Final = 16
_REDIS_COMMANDS: Final = 100
"""Commands that are sent in one go."""
_ZOOKEEPER_OPERATIONS: Final = 500


def write_consul(server: ConsulServer, entries: Entries) -> None:
    """Write entries to Consul in their order."""
    for part in _parts(entries, _CONSUL_OPERATIONS):
        operations = [
            {"KV": {"Verb": "set", "Key": key, "Value": base64.b64encode(value).decode()}} for key, value in part
        ]
        server.json("PUT", "/v1/txn", operations)


def write_etcd(server: EtcdServer, entries: Entries, keys_per_transaction: int = 125) -> None:
    """Write entries to etcd in their order; no key may come twice in one transaction."""
    with grpc.insecure_channel(server.address) as channel:
        commit = channel.unary_unary(
            TXN.path, request_serializer=TXN.request.SerializeToString, response_deserializer=TXN.response.FromString
        )
        for part in _parts(entries, keys_per_transaction):
            puts = [messages.PutRequest(key=key.encode(), value=value) for key, value in part]
            commit(messages.TxnRequest(success=[messages.RequestOp(request_put=put) for put in puts]))


def write_etcd2(server: EtcdServer, entries: Entries) -> None:
    """Write entries to etcd's v2 API; those of one key are written in their order."""
    shares: list[list[tuple[str, bytes]]] = [[] for _ in range(_ETCD2_CONNECTIONS)]
    for key, value in entries:
        shares[hash(key) % _ETCD2_CONNECTIONS].append((key, value))
    with ThreadPoolExecutor(_ETCD2_CONNECTIONS) as pool:
        for future in [pool.submit(_put_etcd2, server, share) for share in shares]:
            future.result()


def _put_etcd2(server: EtcdServer, entries: Entries) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.client_port)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for key, value in entries:
        connection.request("PUT", f"/v2/keys/{key}", urlencode({"value": value}), form)
        connection.getresponse().read()
    connection.close()


def write_redis(server: RedisServer, entries: Entries) -> None:
    """Write entries to Redis in their order."""
    with Redis(port=server.port) as client:
        for part in _parts(entries, _REDIS_COMMANDS):
            with client.pipeline(transaction=False) as pipeline:
                for key, value in part:
                    pipeline.set(key, value)
                pipeline.execute()


def create_zookeeper(client: KazooClient, entries: Entries) -> None:
    """Create nodes of ZooKeeper below nodes that exist."""
    for part in _parts(entries, _ZOOKEEPER_OPERATIONS):
        transaction = client.transaction()
        for key, value in part:
            transaction.create(f"/{key}", value)
        transaction.commit()


def write_zookeeper(client: KazooClient, entries: Entries) -> None:
    """Write existing nodes of ZooKeeper in their order."""
    for part in _parts(entries, _ZOOKEEPER_OPERATIONS):
        for answer in [client.set_async(f"/{key}", value) for key, value in part]:
            answer.get()


def _parts(entries: Entries, size: int) -> Iterable[Sequence[tuple[str, bytes]]]:
    remaining = iter(entries)
    while part := list(islice(remaining, size)):
        yield part
