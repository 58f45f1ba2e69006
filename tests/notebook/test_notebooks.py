"""The notebooks of `notebooks/` run top to bottom against real servers; their files hold no outputs."""

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest

from tests.notebook.kernel import Kernel
from tests.servers.consul import ConsulServer
from tests.servers.etcd import EtcdServer
from tests.servers.zookeeper import ZooKeeperServer

FOLDER: Final = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS: Final = sorted(FOLDER.glob("*.ipynb"))
_VARIABLES: Final = re.compile(r'"(KEYSCOPE_\w+)"')


def document(name: str) -> dict[str, Any]:
    """Return a notebook by the beginning of its name."""
    (file,) = FOLDER.glob(f"{name}*.ipynb")
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


async def run(kernel: Kernel, name: str, **urls: str) -> dict[str, str]:
    """Run a notebook in its folder, and return what each cell printed and the plain text of its result."""
    await kernel.execute(f"import os; os.chdir({str(FOLDER)!r}); os.environ.update({urls!r})")
    cells = [cell for cell in document(name)["cells"] if cell["cell_type"] == "code"]
    asked = set(_VARIABLES.findall("".join(map(source, cells))))
    assert asked == set(urls), "no default is used: it may be somebody's server"
    return {cell["id"]: (await kernel.execute(source(cell))).text for cell in cells}


class TestFiles:
    def test_there_are_six(self) -> None:
        assert [file.name[:2] for file in NOTEBOOKS] == ["01", "02", "03", "04", "05", "06"]

    @pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem[:2])
    def test_notebook_is_valid_and_stripped(self, file: Path) -> None:
        """No outputs, no counts, no metadata of one who ran it; ids that stay."""
        import nbformat  # noqa: PLC0415 - it takes a second, and every worker imports this module

        text = file.read_text(encoding="utf-8")
        notebook = json.loads(text)
        nbformat.validate(notebook)
        assert notebook["metadata"] == {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
        for cell in notebook["cells"]:
            assert re.fullmatch("[a-z]+", cell["id"])
            assert cell["metadata"] == {}
            if cell["cell_type"] == "code":
                assert cell["outputs"] == []
                assert cell["execution_count"] is None
        assert text == json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"

    @pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem[:2])
    def test_links_lead_to_files(self, file: Path) -> None:
        text = "".join(map(source, json.loads(file.read_text(encoding="utf-8"))["cells"]))
        for link in re.findall(r"\]\(([^)]+)\)", text):
            assert (FOLDER / link).exists(), link


async def test_first_look(kernel: Kernel) -> None:
    printed = await run(kernel, "01")
    assert printed["open"] == "<Explorer demo:>"
    assert printed["value"] == "<ValueView demo:>"
    assert printed["close"] == "<Explorer demo: (closed)>"


async def test_protobuf_values_and_safe_edits(kernel: Kernel, place: str, shared_etcd: EtcdServer, prefix: str) -> None:
    printed = await run(kernel, "02", KEYSCOPE_ETCD=place)
    assert "Ada" in printed["columns"]
    assert "STATE_PAID" in printed["columns"]
    assert "changed since" in printed["conflict"]
    assert shared_etcd.ctl("get", "--prefix", "--keys-only", prefix).strip() == ""


async def test_watching_and_plotting_a_busy_store(kernel: Kernel) -> None:
    printed = await run(kernel, "03")
    assert len(re.findall("^(?:put|deleted) ", printed["events"], re.MULTILINE)) == 5
    assert " live at " in printed["plot"]
    assert "live" in printed["numbers"]
    assert "metrics" in printed["busiest"]
    assert all(name in printed["gauges"] for name in ("cpu", "memory", "queue"))


async def test_who_holds_the_lock(kernel: Kernel, shared_zookeeper: ZooKeeperServer) -> None:
    printed = await run(kernel, "04", KEYSCOPE_ZOOKEEPER=f"zk://{shared_zookeeper.address}/")
    assert printed["holder"].startswith("(True, ")
    assert "kazoo lock" in printed["frame"]
    assert printed["frame"].count("pid ") == 2
    assert printed["next"].count("pid ") == 1
    assert "[]" in printed["next"]
    assert "nothing was written" in printed["guarded"]


async def test_two_stores_side_by_side(kernel: Kernel, place: str, shared_consul: ConsulServer, prefix: str) -> None:
    consul = f"consul://{shared_consul.address}{prefix}"
    printed = await run(kernel, "05", KEYSCOPE_ETCD=place, KEYSCOPE_CONSUL=consul)
    assert "db-2.internal" in printed["compare"]
    assert "db-1.internal" in printed["compare"]
    assert "log-level" not in printed["compare"]
    assert "Empty DataFrame" in printed["update"]
    assert "WAITERS: " in printed["reasons"]


async def test_the_library(kernel: Kernel, place: str) -> None:
    printed = await run(kernel, "06", KEYSCOPE_ETCD=place)
    assert printed["entry"].startswith("(b'replicas: 3', ")
    assert "no such key" in printed["error"]
    assert "changed since" in printed["saved"]
    assert printed["events"] == "put config/app b'replicas: 6'\ndeleted config/app\n"
    assert printed["awaited"] == "b'done'"
