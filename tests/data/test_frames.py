"""Frames of entries and locks: exact types, one column a field, nothing lost."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pytest

import explorer
from explorer.blocking import BlockingStore
from explorer.data import entry_table, extras
from explorer.data.columns import make_array, merge_names
from explorer.model.errors import ExplorerError, ExtraNotInstalled, KeyNotFound
from explorer.model.keys import decode
from tests.codecs.common import PROTOS, THREE, made
from tests.servers.etcd import VERSIONS, EtcdServer
from tests.servers.waiting import wait_until

COLUMNS: Final = ["revision", "created", "version", "size", "ttl", "lease"]


def cell(frame: pd.DataFrame, key: str, column: str) -> object:
    return frame[column].loc[key]


def is_missing(value: object) -> bool:
    return value is pd.NA


class TestEntries:
    def test_columns_are_the_entry_and_its_fields(self, store: BlockingStore) -> None:
        first = store.put("a", b'{"n": 1, "where": {"site": "x", "rack": 2}}')
        second = store.put("b", b'{"n": 2, "extra": true, "where": {"rack": 3}, "tags": ["t"]}', ttl=60)
        store.put("c", b"plain")
        frame = store.to_frame()
        assert list(frame.index) == ["a", "b", "c"]
        assert frame.index.name == "key"
        assert list(frame.columns) == [
            *COLUMNS,
            "value",
            "value.n",
            "value.extra",
            "value.where.site",
            "value.where.rack",
            "value.tags",
        ]
        assert cell(frame, "a", "revision") == first.revision
        assert cell(frame, "b", "size") == len(second.value or b"")
        assert cell(frame, "b", "ttl") == pytest.approx(60, abs=5)
        assert is_missing(cell(frame, "a", "ttl"))
        assert cell(frame, "c", "value") == "plain"
        assert is_missing(cell(frame, "c", "value.n"))
        assert cell(frame, "b", "value.tags") == ["t"]
        assert frame["value.n"].sum() == 3
        types = {str(name): str(dtype) for name, dtype in frame.dtypes.items()}
        assert (types["revision"], types["ttl"], types["lease"]) == ("Int64", "Float64", "string")
        assert (types["value.n"], types["value.extra"], types["value.where.site"]) == ("Int64", "boolean", "string")

    def test_messages_are_exact(self, store: BlockingStore, tmp_path: Path) -> None:
        rules = tmp_path / "rules.toml"
        rules.write_text(f'version = 1\n[[map]]\nkey = "**"\ntype = "{THREE}"\n')
        edge = made(THREE)(large=-(2**63), larger=2**64 - 1, data=b"\xff", colour=2, real=0.1)
        edge.leaf.number = 7
        edge.leaves.add(name="l")
        edge.labels["a.b"] = "c"
        store.put("m", edge.SerializeToString())
        store.put("n", made(THREE)(large=2**63 - 1, maybe="").SerializeToString())
        store.put("other", b"\xff\xff")
        frame = store.to_frame(proto=[PROTOS], codecs=rules)
        assert [cell(frame, key, "value.large") for key in "mn"] == [-(2**63), 2**63 - 1]
        assert cell(frame, "m", "value.larger") == 2**64 - 1
        assert (str(frame["value.large"].dtype), str(frame["value.larger"].dtype)) == ("Int64", "UInt64")
        assert cell(frame, "m", "value.data") == b"\xff"
        assert [cell(frame, key, "value.colour") for key in "mn"] == ["BLUE", "COLOUR_UNSPECIFIED"]
        assert cell(frame, "m", "value.leaf.number") == 7
        assert is_missing(cell(frame, "n", "value.leaf.number"))
        assert is_missing(cell(frame, "m", "value.maybe"))
        assert cell(frame, "n", "value.maybe") == ""
        assert cell(frame, "m", "value.leaves") == [{"name": "l", "number": 0}]
        assert cell(frame, "m", "value.labels") == {"a.b": "c"}
        assert cell(frame, "other", "value") == b"\xff\xff"
        schema_order = ["value.text", "value.maybe", "value.large", "value.larger", "value.real"]
        assert [name for name in frame.columns if name in schema_order] == schema_order

    def test_names_do_not_collide(self, store: BlockingStore) -> None:
        """A field may be called like a column of the entry, or have a dot in its name."""
        store.put("a", b'{"version": "v1", "a.b": 1, "a": {"b": 2}, "": 3}')
        store.put("b", b'{"version": "v2", "a": 4}')
        frame = store.to_frame()
        assert list(frame["version"]) == [1, 1]
        assert list(frame["value.version"]) == ["v1", "v2"]
        assert (cell(frame, "a", 'value."a.b"'), cell(frame, "a", "value.a.b")) == (1, 2)
        assert cell(frame, "a", 'value.""') == 3
        assert cell(frame, "b", "value.a") == 4

    def test_value_that_is_empty_or_missing_is_kept_apart(self, store: BlockingStore) -> None:
        store.put("dir", b"", is_dir=False)
        store.put("list", b"[]")
        store.put("object", b"{}")
        store.put("null", b'{"a": null, "b": {}}')
        frame = store.to_frame()
        assert [cell(frame, key, "value") for key in ("dir", "list", "object")] == ["", [], {}]
        assert is_missing(cell(frame, "null", "value.a"))
        assert cell(frame, "null", "value.b") == {}

    def test_bytes_stay_bytes_without_decode(self, store: BlockingStore) -> None:
        store.put("a", b'{"n": 1}')
        frame = store.to_frame("", decode=False)
        assert list(frame.columns) == [*COLUMNS, "value"]
        assert cell(frame, "a", "value") == b'{"n": 1}'

    def test_keys_of_any_bytes_are_the_index(self, store: BlockingStore) -> None:
        keys = [decode(b"\xff"), "a\nb", "\u202e"]
        for key in keys:
            store.put(key, b'{"\\ud800": "\\ud800"}')
        frame = store.to_frame()
        assert set(frame.index) == set(keys)
        assert all(store.get(str(key)).key == key for key in frame.index)
        assert list(frame["value.\ud800"]) == ["\ud800"] * 3

    def test_prefix_limit_and_pages(self, store: BlockingStore) -> None:
        for number in range(2100):
            store.put(f"n/{number:04}", b"%d" % number)
        store.put("other", b"")
        frame = store.to_frame("n/")
        assert list(frame.index) == [f"n/{number:04}" for number in range(2100)]
        assert frame.attrs["prefix"] == "n/"
        assert frame.attrs["revision"] == store.get("other").revision
        for limit in (0, 1, 1000, 2000, 2001):
            assert len(store.to_frame("n/", limit=limit)) == limit

    def test_empty_store_has_the_columns(self, store: BlockingStore) -> None:
        frame = store.to_frame()
        assert frame.empty
        assert list(frame.columns) == [*COLUMNS, "value"]
        with pytest.raises(KeyNotFound):
            store.to_frame("missing/")

    def test_too_many_fields_stay_whole(self, store: BlockingStore, monkeypatch: pytest.MonkeyPatch) -> None:
        """A frame of 10,000 columns would not fit into memory."""
        monkeypatch.setattr(entry_table, "MAX_FIELDS", 2)
        store.put("a", b'{"x": 1, "y": 2}')
        assert "value.x" in store.to_frame().columns
        store.put("b", b'{"z": 1}')
        with pytest.warns(UserWarning, match="more than 2 different fields"):
            frame = store.to_frame()
        assert cell(frame, "a", "value") == {"x": 1, "y": 2}

    def test_decoder_of_a_store_decodes_single_values(self, store: BlockingStore) -> None:
        assert store.decoder().decode(store.put("a", b'{"n": 1}')) == {"n": 1}

    async def test_async_twin_returns_the_same_frame(self) -> None:
        async with explorer.open("demo:?still") as store:
            awaited = await explorer.to_frame(store)
            await store.put("own", b"1")
            assert len(await explorer.to_frame(store)) == len(awaited) + 1
        with explorer.connect("demo:?still") as blocking:
            pd.testing.assert_frame_equal(blocking.to_frame(), awaited)

    @pytest.mark.parametrize("etcd_version", VERSIONS[-1:], indirect=True)
    def test_real_etcd(self, shared_etcd: EtcdServer, prefix: str) -> None:
        with explorer.connect(f"etcd://{shared_etcd.address}/{prefix}") as store:
            entry = store.put("a", b'{"n": 1}', ttl=60)
            store.put("b", b"x")
            store.put("b", b"y")
            frame = store.to_frame()
            assert cell(frame, "a", "revision") == entry.revision
            assert cell(frame, "a", "lease") == entry.lease
            assert list(frame["version"]) == [1, 2]
            with store.lock("jobs"):
                locks = store.locks_frame()
            assert list(locks.index) == ["jobs"]
            assert locks["fence"].dtype == "Int64"


class TestLocks:
    def test_row_has_holder_and_waiters(self) -> None:
        with explorer.connect("demo:?still") as store:
            frame = store.locks_frame("locks/")
            locks = store.locks("locks/")
        assert list(frame.index) == [lock.key for lock in locks]
        assert list(frame["waiters"]) == [[waiter.name for waiter in lock.waiters] for lock in locks]
        assert [str(frame[name].dtype) for name in ("holder", "ttl", "since", "fence", "certain")] == [
            "string",
            "Float64",
            "Int64",
            "Int64",
            "boolean",
        ]

    async def test_empty_store_has_the_columns(self) -> None:
        async with explorer.open("memory:") as store:
            frame = await explorer.locks_frame(store)
        assert frame.empty
        assert {"kind", "holder", "waiters", "ttl", "fence", "stale"} <= set(frame.columns)


class TestTypes:
    @pytest.mark.parametrize(
        ("values", "dtype"),
        [
            ([1, None], "Int64"),
            ([2**63, 1], "UInt64"),
            ([2**64, 1], "object"),
            ([2**63, -1], "object"),
            ([1, 1.5], "Float64"),
            ([2**53 + 1, 1.5], "object"),
            ([True, None], "boolean"),
            ([True, 1], "object"),
            (["a", None], "string"),
            (["\udcff"], "object"),
            ([b"a"], "object"),
            ([[1], [2]], "object"),
            ([None], "object"),
        ],
    )
    def test_type_holds_every_value(self, values: list[object], dtype: str) -> None:
        made_array = make_array(values)
        assert str(made_array.dtype) == dtype
        assert [None if value is pd.NA else value for value in made_array] == values

    def test_nan_is_a_value(self) -> None:
        column = make_array([float("nan"), None])
        assert np.isnan(column[0])
        assert column[1] is pd.NA

    def test_names_keep_the_order_of_their_rows(self) -> None:
        assert merge_names([["a", "c"], ["a", "b", "c"], ["z"], ["c", "d"]]) == ["z", "a", "b", "c", "d"]


class TestExtras:
    @pytest.mark.parametrize("call", ["to_frame()", "locks_frame()", "find_frame(key='a')"])
    def test_missing_pandas_is_one_line_with_the_extra(self, call: str) -> None:
        script = f"""
import sys
sys.modules["pandas"] = None
import explorer
try:
    explorer.connect("memory:").{call}
except ImportError as error:
    assert isinstance(error, explorer.ExplorerError)
    print(error)
"""
        run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        assert run.stdout == "pandas is not installed: pip install 'keyscope[data]'\n"

    def test_error_is_of_both_trees(self) -> None:
        assert issubclass(ExtraNotInstalled, ExplorerError)
        assert issubclass(ExtraNotInstalled, ImportError)

    def test_bar_is_shown_at_a_terminal_only(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(extras, "PROGRESS_DELAY", 1e-9)
        with extras.progress_bar("reading", "keys") as advance:
            advance(1)
        assert capsys.readouterr().err == ""
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        with extras.progress_bar("reading", "keys") as bar:

            def is_shown() -> bool:
                bar(1)
                return re.search("reading: [0-9]+ keys", capsys.readouterr().err) is not None

            wait_until(is_shown, "the bar is shown")

    def test_missing_tqdm_leaves_the_bar_out(
        self, store: BlockingStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        store.put("a", b"")
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        monkeypatch.setitem(sys.modules, "tqdm.auto", None)
        assert len(store.to_frame()) == 1
        assert capsys.readouterr().err == ""

    def test_bar_waits_for_a_second(
        self, store: BlockingStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        store.to_frame()
        assert "reading" not in capsys.readouterr().err
