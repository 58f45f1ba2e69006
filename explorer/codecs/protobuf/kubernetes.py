r"""Kubernetes objects in etcd: `k8s\0` and an envelope with the kind and the bytes of the object.

The envelope is runtime.Unknown of apimachinery: typeMeta {apiVersion, kind} = 1, raw = 2, contentEncoding = 3. The
other bytes are kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from explorer.codecs.base import KUBERNETES_MAGIC, Choice, Document, EncodeResult, Limits, MergeResult
from explorer.codecs.protobuf import wire
from explorer.codecs.protobuf.messages import MessageDocument
from explorer.codecs.protobuf.schemas import Schemas
from explorer.model.errors import InvalidText

_META, _RAW, _ENCODING = 1, 2, 3
_VERSION, _KIND = 1, 2


@dataclass(frozen=True, slots=True)
class KubernetesEnvelope:
    """Parsed envelope of an object."""

    version: str
    kind: str
    raw: bytes
    before: bytes
    """Bytes before the tag of the object."""
    after: bytes

    @classmethod
    def read(cls, value: bytes) -> Self:
        """Return the envelope of a value.

        Raises:
            InvalidText: The value is not an envelope, or has a content encoding.
        """
        if not value.startswith(KUBERNETES_MAGIC):
            raise InvalidText("not a Kubernetes object")
        try:
            spans = {span.number: span for span in wire.spans(value, len(KUBERNETES_MAGIC))}
            meta = _texts(value[spans[_META].payload])
            raw = spans[_RAW]
        except (ValueError, KeyError) as error:
            raise InvalidText("not a complete Kubernetes object") from error
        if _ENCODING in spans and value[spans[_ENCODING].payload]:
            raise InvalidText("the Kubernetes object has a content encoding")
        return cls(
            meta.get(_VERSION, ""), meta.get(_KIND, ""), value[raw.payload], value[: raw.start], value[raw.end :]
        )

    def wrap(self, raw: bytes) -> bytes:
        """Return the value of another object in the same envelope."""
        return self.before + wire.delimited(_RAW, raw) + self.after

    def type_name(self, schemas: Schemas) -> str:
        """Return the message type of the object by kind and version, in the package most similar to its group.

        Most packages end with the first word of the group and the version, as `k8s.io.api.apps.v1` of `apps/v1`; some
        with all of its words run together, as `apiserverinternal` of `internal.apiserver.k8s.io`.

        Raises:
            InvalidText: No schema has the type, or several have.
        """
        group, _, version = self.version.rpartition("/")
        words = group.split(".")[:-1] or [group or "core", "k8s"]  # without the top-level domain
        scores: dict[str, tuple[bool, int]] = {}
        for name in schemas.types():
            *package, found_version, kind = ("", "", *name.split("."))
            if (found_version, kind) != (version, self.kind):
                continue
            exact = package[-1] == words[0]
            if exact or all(word in package[-1] for word in words[:-1]):
                scores[name] = exact, len(set(words).intersection(package))
        best = [name for name, score in scores.items() if score == max(scores.values())]
        if len(best) > 1:
            raise InvalidText(f"the Kubernetes object {self.version} {self.kind} could be {' or '.join(best)}")
        if not best:
            raise InvalidText(f"no schema has the Kubernetes object {self.version} {self.kind}")
        return best[0]


def _texts(meta: bytes) -> Mapping[int, str]:
    return {span.number: meta[span.payload].decode() for span in wire.spans(meta)}


@dataclass(frozen=True, slots=True)
class KubernetesDocument(Document):
    """Kubernetes object in its envelope."""

    inner: MessageDocument = field(repr=False)
    envelope: KubernetesEnvelope = field(repr=False)

    @classmethod
    def open(cls, value: bytes, choice: Choice, reason: str, schemas: Schemas, limits: Limits) -> Self:
        """Return the document of the object in a value; the type is the chosen one or the envelope's.

        Raises:
            InvalidText: The value is not an envelope, or no schema has the type.
        """
        envelope = KubernetesEnvelope.read(value)
        name = choice.type or envelope.type_name(schemas)
        inner = MessageDocument.open(envelope.raw, replace(choice, type=name), reason, schemas, limits)
        return cls._wrap(inner, envelope, value)

    @classmethod
    def _wrap(cls, inner: MessageDocument, envelope: KubernetesEnvelope, value: bytes) -> Self:
        return cls(
            value=value,
            choice=replace(inner.choice, codec="k8s"),
            reason=inner.reason,
            content=inner.content,
            language=inner.language,
            read_only_reason=inner.read_only_reason,
            notes=inner.notes,
            inner=inner,
            envelope=envelope,
        )

    def adopt(self, text: str) -> tuple[Document, str]:
        """Return the document and a text from another editor, escaped."""
        return self, self.inner.adopt(text)[1]

    def alternative(self) -> Choice:
        """Return the choice of the other form: text format or JSON."""
        return replace(self.choice, form="text" if self.choice.form == "json" else "json")

    def encode(self, text: str) -> EncodeResult:
        """Return the bytes of the object in its envelope.

        Raises:
            InvalidText: As `MessageDocument.encode`.
        """
        encoded = self.inner.encode(text)
        if not encoded.changed:
            return replace(encoded, value=self.value)
        return replace(encoded, value=self.envelope.wrap(encoded.value))

    def merge(self, mine: str, theirs: bytes) -> MergeResult:
        """Return the merge by field, in the envelope that is stored now.

        Raises:
            InvalidText: Theirs is another kind of object, or as `MessageDocument.merge`.
        """
        envelope = KubernetesEnvelope.read(theirs)
        if (envelope.version, envelope.kind) != (self.envelope.version, self.envelope.kind):
            raise InvalidText(f"the stored value is now a {envelope.version} {envelope.kind}")
        merge = self.inner.merge(mine, envelope.raw)
        if not isinstance(merge.document, MessageDocument):
            raise TypeError(merge.document)
        return replace(merge, document=self._wrap(merge.document, envelope, theirs))
