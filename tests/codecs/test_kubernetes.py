"""Objects as Kubernetes stores them."""

import pytest

from explorer.codecs.contract import Choice
from explorer.codecs.documents import Codecs
from explorer.codecs.wire import delimited
from explorer.model.errors import InvalidText
from tests.codecs.common import edges

POD = "k8s.io.api.core.v1.Pod"


def envelope(raw: bytes, kind: str = "Pod", version: str = "v1", rest: bytes = delimited(4, b"")) -> bytes:
    meta = delimited(1, version.encode()) + delimited(2, kind.encode())
    return b"k8s\0" + delimited(1, meta) + delimited(2, raw) + rest


RAW = delimited(1, b"name") + delimited(999, b"new")


def test_the_object_is_shown_by_the_kind_that_the_envelope_names() -> None:
    document = edges().open("/registry/pods/default/name", envelope(RAW))
    assert document.choice == Choice("k8s", POD)
    assert document.text == 'name: "name"\n'
    assert "Kubernetes" in document.reason


def test_all_but_the_edited_field_stays_as_it_is() -> None:
    rest = delimited(3, b"") + delimited(77, b"strange")
    document = edges().open("k", envelope(RAW, rest=rest))
    assert not document.encode(document.text).changed
    assert document.encode(document.text).value == envelope(RAW, rest=rest)
    found = document.encode('name: "longer than before" node: "n"')
    raw = delimited(1, b"longer than before") + delimited(2, b"n") + delimited(999, b"new")
    assert found.value == envelope(raw, rest=rest)


def test_two_changes_are_merged_inside_of_it() -> None:
    document = edges().open("k", envelope(RAW))
    merge = document.merge('name: "mine"', envelope(RAW + delimited(2, b"theirs")))
    assert merge.conflicts == ()
    assert merge.document.choice == Choice("k8s", POD)
    assert merge.document.encode(merge.text).value == envelope(
        delimited(1, b"mine") + delimited(999, b"new") + delimited(2, b"theirs")
    )


def test_another_kind_in_its_place_cannot_be_merged() -> None:
    document = edges().open("k", envelope(RAW))
    with pytest.raises(InvalidText, match="Node"):
        document.merge('name: "mine"', envelope(RAW, kind="Node"))


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (envelope(RAW, kind="Node"), "no schema has the Kubernetes object v1 Node"),
        (envelope(RAW, version="apps/v1"), "apps/v1 Pod"),
        (envelope(RAW, rest=delimited(3, b"gzip")), "encoded once more"),
        (b"k8s\0\xff", "no whole Kubernetes object"),
        (envelope(b"\xff"), "does not parse"),
    ],
    ids=["kind", "group", "encoding", "broken envelope", "broken object"],
)
def test_what_cannot_be_read_is_shown_as_bytes_with_the_reason(value: bytes, why: str) -> None:
    document = edges().open("k", value)
    assert document.choice == Choice("hex")
    assert why in document.reason
    assert document.encode(document.text).value == value


def test_json_is_no_envelope() -> None:
    assert edges().open("k", b'{"kind": "Pod"}').choice == Choice("json")
    document = Codecs().open("k", b"{}", Choice("k8s"))
    assert "no Kubernetes object" in document.reason
