"""Schemas and helpers of the tests of codecs."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from explorer.codecs.base import Choice, Document, Form
from explorer.codecs.codecs import Codecs
from explorer.codecs.protobuf.schema_files import load
from explorer.codecs.protobuf.schemas import Schemas

PROTOS = Path(__file__).with_name("protos")
THREE, TWO, LOOSE, EDITION = "edges.three.Edge", "edges.two.Edge", "edges.two.Loose", "edges.edition.Edge"


def installed(package: str) -> Path:
    """Return the folder of an installed package without importing it."""
    spec = find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(next(iter(spec.submodule_search_locations)))


@cache
def edges() -> Codecs:
    """The small schemas, compiled by the real compiler."""
    return Codecs(Schemas(load([PROTOS])))


@cache
def voltha() -> Codecs:
    """VOLTHA's schemas, from the package that its project publishes."""
    return Codecs(Schemas(load([installed("voltha_protos")])))


def made(name: str, codecs: Codecs | None = None) -> type[Any]:
    """Return the class of a message."""
    kind = (codecs or edges()).schemas.find(name)
    assert kind is not None
    return kind.message_class


def opened(value: bytes, name: str = THREE, form: Form = "text", codecs: Codecs | None = None) -> Document:
    """Open a value as a message, and check that it is shown as one."""
    document = (codecs or edges()).open("key", value, Choice("protobuf", name, form))
    assert document.choice.type == name, document.reason
    return document


def edited(document: Document, old: str, new: str) -> bytes:
    """Replace a part that occurs once in a document's text, and return the bytes."""
    assert document.text.count(old) == 1, document.text
    encoded = document.encode(document.text.replace(old, new))
    assert encoded.changed
    return encoded.value
