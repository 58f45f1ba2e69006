"""Initial keys of the demo: a few hundred keys of a fictional access network and its services."""

import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final

from explorer.drivers.memory.demo.values import device, subscriber

SCHEMA: Final = Path(__file__).with_name("access.proto")
"""Schema of the demo's binary values."""

DEVICES: Final = 24
SUBSCRIBERS: Final = 120
FLAGS: Final = (
    "billing.invoices-v2", "billing.round-half-even", "checkout.express", "checkout.guest", "checkout.split-payment",
    "portal.dark-theme", "portal.new-search", "portal.single-sign-on", "provisioning.bulk", "provisioning.dry-run",
    "provisioning.retry-forever", "telemetry.compress", "telemetry.sample-traces", "tickets.auto-close",
)  # fmt: skip
_REGIONS: Final = ("eu-central", "eu-north", "us-east", "ap-south")
_SERVICES: Final = ("billing", "checkout", "portal", "provisioning", "telemetry", "tickets")
_STAGES: Final = ("development", "staging", "production")
_PEM_LINE: Final = 64
"""Characters in a line of a PEM file."""

_PROPERTIES: Final = """\
# {service}, all stages
server.port={port}
server.threads={threads}
database.url=jdbc:postgresql://db.internal:5432/{service}
database.pool.size={pool}
retry.pause.seconds=0.5
greeting=Gr\\u00fc\\u00dfe
"""
_STAGE: Final = """\
service: {service}
stage: {stage}
replicas: {replicas}
resources:
  cpu: {cpu}
  memory: {memory}Mi
log:
  level: {level}
  format: json
"""
_ROUTES: Final = """\
# first match wins
region: {region}
routes:
  - match: /api/billing
    to: billing
    timeout: 5s
  - match: /api/orders
    to: checkout
    timeout: 2s
    retries: 3
  - match: /
    to: portal
    timeout: 10s
"""


def entries(random: Random) -> Iterator[tuple[bytes, bytes]]:
    """Yield the keys and values; the same random generator gives the same ones."""
    for key, value in _text(random):
        yield key.encode(), value.encode()
    for number in range(DEVICES):
        yield f"service/access/devices/olt-{number:02}".encode(), device(random, number)
    for number in range(SUBSCRIBERS):
        yield f"service/access/subscribers/sub-{number:04}".encode(), subscriber(random, number, DEVICES)
    yield from _odd(random)


def flag(name: str, *, on: bool, percent: int) -> str:
    """Return the value of a feature flag."""
    return json.dumps({"flag": name, "on": on, "percent": percent, "owners": [name.partition(".")[0]]})


def _text(random: Random) -> Iterator[tuple[str, str]]:
    yield "schema/access.proto", SCHEMA.read_text(encoding="utf-8")
    yield "service/access/config/log-level", "info"
    yield (
        "service/access/config/controller.properties",
        _PROPERTIES.format(service="access", port=8181, threads=32, pool=8),
    )
    yield (
        "service/access/config/limits.json",
        json.dumps({"onus_per_port": 128, "flows": 16_000, "ratio": 0.75}, indent=2),
    )
    for name in FLAGS:
        yield f"flags/{name}", flag(name, on=random.randrange(3) > 0, percent=random.choice((1, 5, 25, 50, 100)))
    for region in _REGIONS:
        yield f"routing/{region}/routes.yaml", _ROUTES.format(region=region)
        for number in range(5):
            backend = {
                "host": f"10.{len(region)}.{number}.{random.randrange(2, 250)}",
                "port": 8080,
                "weight": 10,
                "drain": False,
            }
            yield f"routing/{region}/backends/{number}", json.dumps(backend)
    for number, service in enumerate(_SERVICES):
        properties = _PROPERTIES.format(service=service, port=8000 + number, threads=random.choice((8, 16, 64)), pool=4)
        yield f"config/{service}/application.properties", properties
        for replicas, stage in enumerate(_STAGES, start=1):
            level = "warning" if stage == "production" else "debug"
            yield (
                f"config/{service}/{stage}.yaml",
                _STAGE.format(
                    service=service,
                    stage=stage,
                    replicas=replicas,
                    cpu=replicas / 2,
                    memory=256 * replicas,
                    level=level,
                ),
            )
        yield f"certificates/{service}.example.net.pem", _certificate(random)


def _certificate(random: Random) -> str:
    """Return text that looks like a certificate, but is none."""
    text = b64encode(random.randbytes(700)).decode()
    lines = [text[start : start + _PEM_LINE] for start in range(0, len(text), _PEM_LINE)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])


def _odd(random: Random) -> Iterator[tuple[bytes, bytes]]:
    """Yield unusual keys and values as real stores have them, and hostile ones."""
    yield b"odd/empty-value", b""
    yield b"odd/both", b"a value, and more below"
    yield b"odd/both/below", b"reached through a key that has a value"
    yield b"odd//empty-name", b"below a child without a name"
    yield b"odd/slash-at-the-end/", b"another key than without the slash"
    yield b"odd/bytes-\xff\xfe\x00", b"the key is not UTF-8"
    yield b"odd/escape-\x1b[31mred", b"\x1b]0;a terminal's title\x07 and \x1b[2J"
    yield "odd/reversed-\u202egnp.exe".encode(), "what you see is \u202enot what is there".encode()
    yield "odd/ünïcode/キー".encode(), "値 🗝".encode()
    yield b"odd/random-bytes", random.randbytes(300)
    yield b"odd/long-line", b"All work and no play. " * 3000
