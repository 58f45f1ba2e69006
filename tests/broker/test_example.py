"""cn-infra's tutorial, `examples/greetings`, as a person runs it."""

import asyncio
import sys
from pathlib import Path

import explorer
from tests.servers.etcd import EtcdServer

_EXAMPLE = Path(__file__).parents[2] / "examples" / "greetings"


async def run_example(config: Path) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(_EXAMPLE / "main.py"), str(config)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()


async def test_greetings_on_etcd(own_etcd: EtcdServer, tmp_path: Path) -> None:
    """The greeting is at `/myplugin/greetings/hello`, where etcdctl and cn-infra find it."""
    config = tmp_path / "kv.toml"
    config.write_text((_EXAMPLE / "kv.toml").read_text().replace("127.0.0.1:2379", own_etcd.address))
    output = await run_example(config)
    assert [line for line in output.splitlines() if "->" in line] == [
        "greetings/hello: nothing -> 'Hello'",
        "greetings/hello: 'Hello' -> 'Hi'",
        "greetings/hello: 'Hi' -> nothing",
    ]
    assert "connected" in output
    async with explorer.open(f"etcd://{own_etcd.address}/") as store:
        values = [entry.value async for entry in store.history("/myplugin/greetings/hello")]
    assert values == [b'{"greeting": "Hi"}', b'{"greeting": "Hello"}']


async def test_greetings_without_configuration(tmp_path: Path) -> None:
    assert await run_example(tmp_path / "kv.toml") == f"KV store is disabled: {tmp_path / 'kv.toml'} does not exist\n"
