"""Messages of etcd's API, and the RangeStream call, which no packaged server has."""

import importlib
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest

import explorer.drivers.etcd
from explorer.drivers.etcd import EtcdStore, messages
from explorer.drivers.etcd.endpoint import RANGE, RANGE_STREAM
from explorer.model.address import Access, parse
from explorer.model.errors import Compacted, ExplorerError, Forbidden, KeyNotFound, NotReachable

DRIVER_FOLDER = Path(explorer.drivers.etcd.__file__).parent


def compile_proto(*options: str, folder: Path, file: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", f"--proto_path={folder}", *options, file], check=True, timeout=60
    )


def run_python(script: str, *, path: Path) -> str:
    """Run a script in a new process, which has loaded no messages yet, with a folder to import from."""
    line = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(path)!r})\n{script}"]
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


# The messages


def test_descriptors_and_stubs_match_the_proto(tmp_path: Path) -> None:
    """`messages.binpb` and `messages.pyi` are what protoc makes of `messages.proto`."""
    compile_proto(
        f"--descriptor_set_out={tmp_path / 'messages.binpb'}",
        f"--pyi_out={tmp_path}",
        folder=DRIVER_FOLDER,
        file="messages.proto",
    )
    assert (tmp_path / "messages.binpb").read_bytes() == (DRIVER_FOLDER / "messages.binpb").read_bytes()
    assert (tmp_path / "messages_pb2.pyi").read_text() == (DRIVER_FOLDER / "messages.pyi").read_text()


def test_messages_are_not_in_the_default_pool(tmp_path: Path) -> None:
    """Etcd's messages are in a descriptor pool of their own."""
    script = """
from google.protobuf import descriptor_pool
from explorer.drivers.etcd import messages
pool = descriptor_pool.Default()
for find, name in ((pool.FindFileByName, "messages.proto"), (pool.FindMessageTypeByName, "keyscope.etcd.KeyValue")):
    try:
        find(name)
    except KeyError:
        print("absent")
print(messages.KeyValue.DESCRIPTOR.full_name)
"""
    assert run_python(script, path=tmp_path).split() == ["absent", "absent", "keyscope.etcd.KeyValue"]


USERS_KV = """
syntax = "proto3";
package mvccpb;
message KeyValue { string name = 1; }
message Event { KeyValue kv = 1; }
"""
USERS_RPC = """
syntax = "proto3";
package etcdserverpb;
import "kv.proto";
message RangeRequest { string key = 1; }
message RangeResponse { repeated mvccpb.KeyValue kvs = 1; }
"""


@pytest.mark.parametrize(
    "imports",
    ["from explorer.drivers.etcd import messages\nimport rpc_pb2", "import rpc_pb2\nimport explorer.drivers.etcd"],
)
def test_users_etcd_messages_load_beside_ours(imports: str, tmp_path: Path) -> None:
    """A program's own generated etcd messages load before and after the driver."""
    (tmp_path / "kv.proto").write_text(USERS_KV)
    (tmp_path / "rpc.proto").write_text(USERS_RPC)
    for file in ("kv.proto", "rpc.proto"):
        compile_proto(f"--python_out={tmp_path}", folder=tmp_path, file=file)
    script = f"""
{imports}
from explorer.drivers.etcd import messages
theirs = rpc_pb2.RangeResponse(kvs=[{{"name": "theirs"}}])
ours = messages.RangeResponse(kvs=[messages.KeyValue(key=b"ours")])
print(theirs.kvs[0].name, ours.kvs[0].key.decode(), messages.RangeRequest is not rpc_pb2.RangeRequest)
"""
    assert run_python(script, path=tmp_path).split() == ["theirs", "ours", "True"]


def test_every_method_has_its_messages() -> None:
    """Each method has a path and two message types of etcd's."""
    methods = importlib.import_module("explorer.drivers.etcd.endpoint")
    found = [value for value in vars(methods).values() if isinstance(value, methods.Method)]
    assert len(found) > 10
    for method in found:
        assert method.path.startswith("/etcdserverpb.")
        assert method.request().SerializeToString() == b""
        assert method.response.DESCRIPTOR.full_name.startswith("keyscope.etcd.")


# RangeStream: no packaged server has it, so the server is a fake that has only this call and the handshake's Range.


@dataclass(slots=True)
class StreamingServer:
    """A fake etcd with RangeStream: it sends its pages, then ends, or ends with a status."""

    pages: list[list[messages.KeyValue]]
    end_status: tuple[grpc.StatusCode, str] | None = None
    has_range_stream: bool = True
    stream_requests: list[messages.RangeRequest] = field(default_factory=list)
    range_requests: list[messages.RangeRequest] = field(default_factory=list)
    port: int = 0

    async def range(self, request: messages.RangeRequest, _: object) -> messages.RangeResponse:
        self.range_requests.append(request)
        kvs = [] if request.count_only else [kv for page in self.pages for kv in page if kv.key >= request.key]
        return messages.RangeResponse(header=messages.Header(revision=7), kvs=kvs, count=len(kvs))

    async def range_stream(
        self,
        request: messages.RangeRequest,
        context: grpc.aio.ServicerContext[messages.RangeRequest, messages.RangeStreamResponse],
    ) -> AsyncIterator[messages.RangeStreamResponse]:
        self.stream_requests.append(request)
        for page in self.pages:
            response = messages.RangeResponse(header=messages.Header(revision=7), kvs=page)
            yield messages.RangeStreamResponse(range_response=response)
        if self.end_status:
            await context.abort(*self.end_status)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator["StreamingServer", None]:
        handlers = {
            "Range": grpc.unary_unary_rpc_method_handler(
                self.range, RANGE.request.FromString, RANGE.response.SerializeToString
            )
        }
        if self.has_range_stream:
            handlers["RangeStream"] = grpc.unary_stream_rpc_method_handler(
                self.range_stream, RANGE_STREAM.request.FromString, RANGE_STREAM.response.SerializeToString
            )
        server = grpc.aio.server()
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("etcdserverpb.KV", handlers),))
        self.port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            yield self
        finally:
            await server.stop(None)

    def store(self, path: str = "") -> EtcdStore:
        return EtcdStore(parse(f"etcd://127.0.0.1:{self.port}/{path}"), Access())


def kv(key: str, value: bytes = b"value") -> messages.KeyValue:
    return messages.KeyValue(key=key.encode(), value=value, mod_revision=5, create_revision=4, version=2)


async def walk(store: EtcdStore, prefix: str = "", *, values: bool = True) -> list[tuple[str, bytes | None]]:
    async with aclosing(store.walk(prefix, values=values)) as entries:
        return [(entry.key, entry.value) async for entry in entries]


async def test_walk_uses_range_stream() -> None:
    """A walk is one RangeStream if the server has it."""
    fake = StreamingServer([[kv("top/a"), kv("top/b")], [], [kv("top/c")]])
    async with fake.running(), fake.store("top/") as store:
        handshake = len(fake.range_requests)
        assert await walk(store) == [("a", b"value"), ("b", b"value"), ("c", b"value")]
        assert len(fake.range_requests) == handshake
    (request,) = fake.stream_requests
    assert (request.key, request.range_end, request.keys_only) == (b"top/", b"top0", False)
    assert request.sort_order == messages.RangeRequest.NONE


async def test_walk_without_values_requests_keys_only() -> None:
    """A walk without values requests keys only."""
    fake = StreamingServer([[kv("a", b"")]])
    async with fake.running(), fake.store() as store:
        assert await walk(store, values=False) == [("a", None)]
    (request,) = fake.stream_requests
    assert (request.key, request.range_end, request.keys_only) == (b"\0", b"\0", True)


async def test_walk_of_empty_stream_raises_key_not_found() -> None:
    """An empty stream for a prefix that does not exist raises KeyNotFound."""
    fake = StreamingServer([])
    async with fake.running(), fake.store() as store:
        assert await walk(store) == []
        with pytest.raises(KeyNotFound):
            await walk(store, "nothing")


async def test_walk_without_range_stream_reads_pages() -> None:
    """A server without RangeStream is asked for it once, and read in pages."""
    fake = StreamingServer([[kv("a"), kv("b")]], has_range_stream=False)
    async with fake.running(), fake.store() as store:
        for _ in range(2):
            handshake = len(fake.range_requests)
            assert await walk(store) == [("a", b"value"), ("b", b"value")]
            assert len(fake.range_requests) > handshake


@pytest.mark.parametrize(
    ("code", "text", "kind"),
    [
        (grpc.StatusCode.OUT_OF_RANGE, "etcdserver: mvcc: required revision has been compacted", Compacted),
        (grpc.StatusCode.PERMISSION_DENIED, "etcdserver: permission denied", Forbidden),
        (grpc.StatusCode.UNAVAILABLE, "etcdserver: leader changed", NotReachable),
    ],
)
@pytest.mark.parametrize("pages", [[], [[kv("a")]]], ids=["at once", "in the middle"])
async def test_walk_raises_the_status_of_the_stream(
    code: grpc.StatusCode, text: str, kind: type[ExplorerError], pages: list[list[messages.KeyValue]]
) -> None:
    """The status that ends a stream is raised as its error."""
    fake = StreamingServer(pages, end_status=(code, text))
    async with fake.running(), fake.store() as store:
        with pytest.raises(kind):
            await walk(store)
    assert len(fake.stream_requests) == 1


async def test_walk_can_be_left_early() -> None:
    """A walk that is left early leaves nothing behind."""
    fake = StreamingServer([[kv(f"{number:06}") for number in range(1000)] for _ in range(200)])
    async with fake.running(), fake.store() as store:
        async with aclosing(store.walk("")) as entries:
            async for entry in entries:
                assert entry.key == "000000"
                break
        assert await store.exists("000000") is False
