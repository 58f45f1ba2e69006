"""etcd's messages, from our own .proto and apart from everybody else's; and the one call that no server here has."""

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

ROOM = Path(explorer.drivers.etcd.__file__).parent


def compile_proto(*options: str, folder: Path, file: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", f"--proto_path={folder}", *options, file], check=True, timeout=60
    )


def run_python(script: str, *, path: Path) -> str:
    """Run a script in a process of its own, with a folder to import from; a test's process has seen other messages."""
    line = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(path)!r})\n{script}"]
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


# The messages


def test_descriptors_and_types_are_what_the_compiler_makes_of_the_proto(tmp_path: Path) -> None:
    compile_proto(
        f"--descriptor_set_out={tmp_path / 'messages.binpb'}",
        f"--pyi_out={tmp_path}",
        folder=ROOM,
        file="messages.proto",
    )
    assert (tmp_path / "messages.binpb").read_bytes() == (ROOM / "messages.binpb").read_bytes()
    assert (tmp_path / "messages_pb2.pyi").read_text() == (ROOM / "messages.pyi").read_text()


def test_the_messages_are_in_no_pool_but_their_own(tmp_path: Path) -> None:
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
def test_a_users_own_etcd_messages_load_beside_ours(imports: str, tmp_path: Path) -> None:
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


def test_every_method_names_messages_that_are_there() -> None:
    methods = importlib.import_module("explorer.drivers.etcd.endpoint")
    found = [value for value in vars(methods).values() if isinstance(value, methods.Method)]
    assert len(found) > 10
    for method in found:
        assert method.path.startswith("/etcdserverpb.")
        assert method.request().SerializeToString() == b""
        assert method.response.DESCRIPTOR.full_name.startswith("keyscope.etcd.")


# RangeStream: no packaged server has it, so this is a fake that answers nothing else but the greeting's Range.


@dataclass(slots=True)
class StreamingServer:
    """A fake of an etcd that streams ranges: it sends its pages, then ends, or ends with a status."""

    pages: list[list[messages.KeyValue]]
    ends: tuple[grpc.StatusCode, str] | None = None
    streams: bool = True
    asked: list[messages.RangeRequest] = field(default_factory=list)
    ranges: list[messages.RangeRequest] = field(default_factory=list)
    port: int = 0

    async def range(self, question: messages.RangeRequest, _: object) -> messages.RangeResponse:
        self.ranges.append(question)
        kvs = [] if question.count_only else [kv for page in self.pages for kv in page if kv.key >= question.key]
        return messages.RangeResponse(header=messages.Header(revision=7), kvs=kvs, count=len(kvs))

    async def range_stream(
        self,
        question: messages.RangeRequest,
        context: grpc.aio.ServicerContext[messages.RangeRequest, messages.RangeStreamResponse],
    ) -> AsyncIterator[messages.RangeStreamResponse]:
        self.asked.append(question)
        for page in self.pages:
            answer = messages.RangeResponse(header=messages.Header(revision=7), kvs=page)
            yield messages.RangeStreamResponse(range_response=answer)
        if self.ends:
            await context.abort(*self.ends)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator["StreamingServer", None]:
        handlers = {
            "Range": grpc.unary_unary_rpc_method_handler(
                self.range, RANGE.request.FromString, RANGE.response.SerializeToString
            )
        }
        if self.streams:
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


async def test_a_walk_is_one_stream_where_the_server_has_it() -> None:
    fake = StreamingServer([[kv("top/a"), kv("top/b")], [], [kv("top/c")]])
    async with fake.running(), fake.store("top/") as store:
        greeting = len(fake.ranges)
        assert await walk(store) == [("a", b"value"), ("b", b"value"), ("c", b"value")]
        assert len(fake.ranges) == greeting
    (question,) = fake.asked
    assert (question.key, question.range_end, question.keys_only) == (b"top/", b"top0", False)
    assert question.sort_order == messages.RangeRequest.NONE


async def test_a_walk_without_values_asks_for_none() -> None:
    fake = StreamingServer([[kv("a", b"")]])
    async with fake.running(), fake.store() as store:
        assert await walk(store, values=False) == [("a", None)]
    (question,) = fake.asked
    assert (question.key, question.range_end, question.keys_only) == (b"\0", b"\0", True)


async def test_a_stream_of_nothing_is_a_missing_prefix() -> None:
    fake = StreamingServer([])
    async with fake.running(), fake.store() as store:
        assert await walk(store) == []
        with pytest.raises(KeyNotFound):
            await walk(store, "nothing")


async def test_a_server_without_streams_is_asked_once_and_read_in_pages() -> None:
    fake = StreamingServer([[kv("a"), kv("b")]], streams=False)
    async with fake.running(), fake.store() as store:
        for _ in range(2):
            greeting = len(fake.ranges)
            assert await walk(store) == [("a", b"value"), ("b", b"value")]
            assert len(fake.ranges) > greeting


@pytest.mark.parametrize(
    ("code", "text", "kind"),
    [
        (grpc.StatusCode.OUT_OF_RANGE, "etcdserver: mvcc: required revision has been compacted", Compacted),
        (grpc.StatusCode.PERMISSION_DENIED, "etcdserver: permission denied", Forbidden),
        (grpc.StatusCode.UNAVAILABLE, "etcdserver: leader changed", NotReachable),
    ],
)
@pytest.mark.parametrize("pages", [[], [[kv("a")]]], ids=["at once", "in the middle"])
async def test_what_ends_a_stream_is_told(
    code: grpc.StatusCode, text: str, kind: type[ExplorerError], pages: list[list[messages.KeyValue]]
) -> None:
    fake = StreamingServer(pages, ends=(code, text))
    async with fake.running(), fake.store() as store:
        with pytest.raises(kind):
            await walk(store)
    assert len(fake.asked) == 1


async def test_a_stream_may_be_left_before_its_end() -> None:
    fake = StreamingServer([[kv(f"{number:06}") for number in range(1000)] for _ in range(200)])
    async with fake.running(), fake.store() as store:
        async with aclosing(store.walk("")) as entries:
            async for entry in entries:
                assert entry.key == "000000"
                break
        assert await store.exists("000000") is False
