"""Binary values of the demo: messages of `access.proto`, encoded by hand."""

from collections.abc import Mapping
from random import Random
from types import MappingProxyType
from typing import Final

from explorer.drivers.memory.demo.protobuf_encode import double, nested, packed, text, unsigned, zigzag

MESSAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "service/access/devices/": "keyscope.demo.Device",
        "service/access/subscribers/": "keyscope.demo.Subscriber",
        "metrics/": "keyscope.demo.Gauge",
    }
)
"""Message types of the values by prefixes."""

_ENABLED, _DISABLED, _PREPROVISIONED = 1, 2, 3
_PON, _ETHERNET = 1, 2
_PON_PORTS = 4
"""PON ports of a device, which has an uplink besides."""


def device(random: Random, number: int, *, connected: bool = True) -> bytes:
    """Return an encoded Device."""
    vendor, model = random.choice((("Northlight", "NL-16"), ("Fibra", "OLT-8X"), ("Ostara", "Reach 4")))
    ports = (
        unsigned(1, port)
        + text(2, f"pon-{port}" if port < _PON_PORTS else "uplink")
        + unsigned(3, _PON if port < _PON_PORTS else _ETHERNET)
        + unsigned(4, random.randrange(5) > 0)
        + unsigned(5, 10_000 if port < _PON_PORTS else 100_000)
        for port in range(_PON_PORTS + 1)
    )
    labels = {"ring": "outer" if number % 2 else "inner", "zone": f"z{number % 3}"}
    return b"".join(
        (
            text(1, f"olt-{number:02}"),
            text(2, vendor),
            text(3, model),
            text(4, f"{vendor[:2].upper()}{random.randrange(10**8):08}"),
            unsigned(5, random.choice((_ENABLED, _ENABLED, _ENABLED, _DISABLED, _PREPROVISIONED))),
            unsigned(6, connected),
            nested(7, text(1, f"exchange-{number % 5}") + unsigned(2, 1 + number % 9) + zigzag(3, number % 4 - 1)),
            *(nested(8, port) for port in ports),
            packed(9, range(100 + number, 104 + number)),
            nested(10, bytes((0x02, 0, 0, 0, number >> 8, number & 0xFF))),
            *(nested(11, text(1, label) + text(2, value)) for label, value in labels.items()),
        )
    )


def subscriber(random: Random, number: int, devices: int) -> bytes:
    """Return an encoded Subscriber."""
    rate = random.choice((50, 100, 250, 1000, 0))
    return b"".join(
        (
            text(1, f"sub-{number:04}"),
            text(2, f"olt-{number % devices:02}"),
            unsigned(3, number % 4),
            unsigned(4, 100 + number % devices),
            unsigned(5, 1000 + number),
            unsigned(6, rate) or unsigned(7, 1),
            unsigned(8, _DISABLED if number % 11 == 0 else _ENABLED),
        )
    )


def gauge(name: str, value: float, unit: str, taken: int) -> bytes:
    """Return an encoded Gauge."""
    return text(1, name) + double(2, value) + text(3, unit) + unsigned(4, taken)
