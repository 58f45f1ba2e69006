"""What the demo starts with: a few hundred keys of a made-up access network and the services around it."""

import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final

from explorer.drivers.memory.demo.values import device, subscriber

SCHEMA: Final = Path(__file__).with_name("access.proto")
"""The schema of the demo's binary values."""

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
_LINE: Final = 64
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


def entries(chance: Random) -> Iterator[tuple[bytes, bytes]]:
    """Give the keys and values, the same for the same chance."""
    for key, value in _text(chance):
        yield key.encode(), value.encode()
    for number in range(DEVICES):
        yield f"service/access/devices/olt-{number:02}".encode(), device(chance, number)
    for number in range(SUBSCRIBERS):
        yield f"service/access/subscribers/sub-{number:04}".encode(), subscriber(chance, number, DEVICES)
    yield from _odd(chance)


def flag(name: str, *, on: bool, percent: int) -> str:
    """Give the value of a feature flag."""
    return json.dumps({"flag": name, "on": on, "percent": percent, "owners": [name.partition(".")[0]]})


def _text(chance: Random) -> Iterator[tuple[str, str]]:
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
        yield f"flags/{name}", flag(name, on=chance.randrange(3) > 0, percent=chance.choice((1, 5, 25, 50, 100)))
    for region in _REGIONS:
        yield f"routing/{region}/routes.yaml", _ROUTES.format(region=region)
        for number in range(5):
            backend = {
                "host": f"10.{len(region)}.{number}.{chance.randrange(2, 250)}",
                "port": 8080,
                "weight": 10,
                "drain": False,
            }
            yield f"routing/{region}/backends/{number}", json.dumps(backend)
    for number, service in enumerate(_SERVICES):
        properties = _PROPERTIES.format(service=service, port=8000 + number, threads=chance.choice((8, 16, 64)), pool=4)
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
        yield f"certificates/{service}.example.net.pem", _certificate(chance)


def _certificate(chance: Random) -> str:
    """Make text that looks like a certificate; no key belongs to it."""
    text = b64encode(chance.randbytes(700)).decode()
    lines = [text[start : start + _LINE] for start in range(0, len(text), _LINE)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])


def _odd(chance: Random) -> Iterator[tuple[bytes, bytes]]:
    """Give what stores really hold now and then, and what a person must be shown without harm."""
    yield b"odd/empty-value", b""
    yield b"odd/both", b"a value, and more below"
    yield b"odd/both/below", b"reached through a key that has a value"
    yield b"odd//empty-name", b"below a child without a name"
    yield b"odd/slash-at-the-end/", b"another key than without the slash"
    yield b"odd/bytes-\xff\xfe\x00", b"the key is not UTF-8"
    yield b"odd/escape-\x1b[31mred", b"\x1b]0;a terminal's title\x07 and \x1b[2J"
    yield "odd/reversed-\u202egnp.exe".encode(), "what you see is \u202enot what is there".encode()
    yield "odd/ünïcode/キー".encode(), "値 🗝".encode()
    yield b"odd/random-bytes", chance.randbytes(300)
    yield b"odd/long-line", b"All work and no play. " * 3000
