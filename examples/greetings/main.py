"""cn-infra's tutorial: a program stores a greeting below its prefix, and is called when one changes.

    python examples/greetings/main.py examples/greetings/kv.toml

The file names the store. Without the file the plugin is disabled, and the program does without a store.
"""

import asyncio
import sys
from pathlib import Path

from messages import Greetings

import explorer

PREFIX = "/myplugin/"


async def main(config: Path) -> None:
    """Watch the greetings, and put, change and delete one."""
    changes: asyncio.Queue[str] = asyncio.Queue()

    def on_change(event: explorer.ChangeEvent[Greetings]) -> None:
        before = "nothing" if event.previous is None else repr(event.previous.greeting)
        after = "nothing" if event.message is None else repr(event.message.greeting)
        changes.put_nowait(f"{event.key}: {before} -> {after}")

    async with explorer.KvPlugin(config) as plugin:
        print(plugin)
        if plugin.disabled:
            return
        await plugin.on_connect(lambda: print("connected"))
        broker = plugin.new_broker(PREFIX, Greetings)
        async with await plugin.new_watcher(PREFIX, Greetings).watch(on_change, "greetings/"):
            await broker.put("greetings/hello", Greetings(greeting="Hello"))
            print(await changes.get())
            await broker.put("greetings/hello", Greetings(greeting="Hi"))
            print(await changes.get())
            stored = await broker.get_value("greetings/hello")
            print(f"found {stored.found}, at revision {stored.revision}: {stored.message}", end="")
            print([key async for key in broker.list_keys("greetings/")])
            await broker.delete("greetings/hello")
            print(await changes.get())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
