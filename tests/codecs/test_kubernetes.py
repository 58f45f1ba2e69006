"""Kubernetes objects in their stored envelope."""

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from explorer.codecs.base import Choice
from explorer.codecs.codecs import Codecs
from explorer.codecs.protobuf.schemas import Schemas, SchemaSet
from explorer.codecs.protobuf.wire import delimited
from explorer.model.errors import InvalidText
from tests.codecs.common import edges

POD = "k8s.io.api.core.v1.Pod"


def envelope(raw: bytes, kind: str = "Pod", version: str = "v1", rest: bytes = delimited(4, b"")) -> bytes:
    meta = delimited(1, version.encode()) + delimited(2, kind.encode())
    return b"k8s\0" + delimited(1, meta) + delimited(2, raw) + rest


RAW = delimited(1, b"name") + delimited(999, b"new")


def test_open_object_by_the_kind_of_its_envelope() -> None:
    """The type is found by the kind in the envelope."""
    document = edges().open("/registry/pods/default/name", envelope(RAW))
    assert document.choice == Choice("k8s", POD)
    assert document.text == 'name: "name"\n'
    assert "Kubernetes" in document.reason


def test_encode_keeps_all_but_the_edited_field() -> None:
    """An edit keeps the envelope and all other fields."""
    rest = delimited(3, b"") + delimited(77, b"strange")
    document = edges().open("k", envelope(RAW, rest=rest))
    assert not document.encode(document.text).changed
    assert document.encode(document.text).value == envelope(RAW, rest=rest)
    found = document.encode('name: "longer than before" node: "n"')
    raw = delimited(1, b"longer than before") + delimited(2, b"n") + delimited(999, b"new")
    assert found.value == envelope(raw, rest=rest)


def test_merge_combines_fields_in_the_envelope() -> None:
    """Changes of different fields are merged in the envelope."""
    document = edges().open("k", envelope(RAW))
    merge = document.merge('name: "mine"', envelope(RAW + delimited(2, b"theirs")))
    assert merge.conflicts == ()
    assert merge.document.choice == Choice("k8s", POD)
    assert merge.document.encode(merge.text).value == envelope(
        delimited(1, b"mine") + delimited(999, b"new") + delimited(2, b"theirs")
    )


def test_merge_with_another_kind_is_refused() -> None:
    """An object of another kind cannot be merged."""
    document = edges().open("k", envelope(RAW))
    with pytest.raises(InvalidText, match="Node"):
        document.merge('name: "mine"', envelope(RAW, kind="Node"))


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (envelope(RAW, kind="Node"), "no schema has the Kubernetes object v1 Node"),
        (envelope(RAW, version="apps/v1"), "apps/v1 Pod"),
        (envelope(RAW, rest=delimited(3, b"gzip")), "content encoding"),
        (b"k8s\0\xff", "not a complete Kubernetes object"),
        (envelope(b"\xff"), "does not parse"),
    ],
    ids=["kind", "group", "encoding", "broken envelope", "broken object"],
)
def test_open_invalid_object_is_hex_with_a_reason(value: bytes, why: str) -> None:
    """An object that cannot be decoded is shown as hex with the reason."""
    document = edges().open("k", value)
    assert document.choice == Choice("hex")
    assert why in document.reason
    assert document.encode(document.text).value == value


def test_open_json_is_not_an_envelope() -> None:
    """JSON of an object is not an envelope."""
    assert edges().open("k", b'{"kind": "Pod"}').choice == Choice("json")
    document = Codecs().open("k", b"{}", Choice("k8s"))
    assert "not a Kubernetes object" in document.reason


def kinds(*names: str) -> Codecs:
    """Return codecs whose schemas have these empty messages."""
    files = []
    for name in names:
        package, _, kind = name.rpartition(".")
        file = FileDescriptorProto(name=f"{name}.proto", package=package)
        file.message_type.add(name=kind)
        files.append(file)
    return Codecs(Schemas([SchemaSet("kinds", files)]))


KINDS = (
    "k8s.io.api.apiserverinternal.v1alpha1.StorageVersion",
    "k8s.io.api.apps.v1.Deployment",
    "k8s.io.api.apps.v1beta1.Deployment",
    "k8s.io.api.authorization.v1.SubjectAccessReview",
    "k8s.io.api.core.v1.Event",
    "k8s.io.api.events.v1.Event",
    "k8s.io.api.rbac.v1.Role",
    "k8s.io.kube_aggregator.pkg.apis.apiregistration.v1.APIService",
    "k8s.io.metrics.pkg.apis.custom_metrics.v1beta1.MetricValue",
    "github.com.openshift.api.apps.v1.Deployment",
    "github.com.openshift.api.authorization.v1.SubjectAccessReview",
    "github.com.openshift.api.route.v1.Route",
    "one.things.v1.Thing",
    "two.things.v1.Thing",
)


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("internal.apiserver.k8s.io/v1alpha1", "k8s.io.api.apiserverinternal.v1alpha1.StorageVersion"),
        ("apps/v1", "k8s.io.api.apps.v1.Deployment"),
        ("apps/v1beta1", "k8s.io.api.apps.v1beta1.Deployment"),
        ("apps.openshift.io/v1", "github.com.openshift.api.apps.v1.Deployment"),
        ("authorization.k8s.io/v1", "k8s.io.api.authorization.v1.SubjectAccessReview"),
        ("authorization.openshift.io/v1", "github.com.openshift.api.authorization.v1.SubjectAccessReview"),
        ("v1", "k8s.io.api.core.v1.Event"),
        ("events.k8s.io/v1", "k8s.io.api.events.v1.Event"),
        ("rbac.authorization.k8s.io/v1", "k8s.io.api.rbac.v1.Role"),
        ("apiregistration.k8s.io/v1", "k8s.io.kube_aggregator.pkg.apis.apiregistration.v1.APIService"),
        ("custom.metrics.k8s.io/v1beta1", "k8s.io.metrics.pkg.apis.custom_metrics.v1beta1.MetricValue"),
        ("route.openshift.io/v1", "github.com.openshift.api.route.v1.Route"),
    ],
)
def test_kind_is_found_in_the_package_of_its_group(version: str, name: str) -> None:
    """Names of packages and of groups differ; another group's kind of the same name is not taken."""
    value = envelope(b"", kind=name.rpartition(".")[2], version=version)
    assert kinds(*KINDS).open("k", value).choice == Choice("k8s", name)


@pytest.mark.parametrize(
    ("version", "kind", "reason"),
    [
        ("apps/v2", "Deployment", "no schema has the Kubernetes object apps/v2 Deployment"),
        ("batch/v1", "Deployment", "no schema has the Kubernetes object batch/v1 Deployment"),
        ("things.example.org/v1", "Thing", "could be one.things.v1.Thing or two.things.v1.Thing"),
        ("", "Thing", "no schema has"),
        ("v1", "", "no schema has"),
    ],
)
def test_kind_that_is_missing_or_ambiguous_is_hex(version: str, kind: str, reason: str) -> None:
    """No type is guessed."""
    document = kinds(*KINDS).open("k", envelope(b"", kind=kind, version=version))
    assert document.choice == Choice("hex")
    assert reason in document.reason
