"""A message of 13 kB, selected and drawn: from the key that moves the cursor onto it until its text is on the screen.

Selections that follow each other fast have to stand for a moment before anything is read; these do not. Beside it
stands what protobuf's own library takes to write the same message as text, without colours, notes or a screen.
"""

import statistics
import sys
import time
from typing import Final

from _message_app import DEVICES, MESSAGE, demo, key, large
from _side_by_side import HERE, compare
from _terminal import Terminal
from google.protobuf import text_format

from explorer.codecs.load import codecs_for

_PAUSE: Final = 0.3
"""Seconds for which the cursor stays on a message."""


def shown(number: int) -> bytes:
    """Return the pattern of a line that only one message has."""
    return b'"unit-%02d"' % number


def main() -> None:
    """Measure, in turn."""
    value = large(0)
    kind = codecs_for(demo()).schemas.find(MESSAGE)
    if kind is None:
        raise SystemExit(f"the demo has no {MESSAGE}")
    message = kind.parse(value)
    times: list[float] = []
    with Terminal([sys.executable, str(HERE / "_message_app.py")]) as screen:
        screen.until(rb"service", rb"LIVE")
        screen.type(":")
        screen.stay(_PAUSE)
        screen.type(key(0))
        screen.stay(_PAUSE)
        screen.type("\r")
        screen.until(shown(0))
        at, step = 0, 1

        def drawn() -> float:
            nonlocal at, step
            new = []
            for _ in range(DEVICES - 1):
                screen.stay(_PAUSE)
                at += step
                pressed = screen.type("j" if step > 0 else "k")
                moment, _ = screen.until(shown(at))
                new.append(moment - pressed)
            step = -step
            times.extend(new)
            return statistics.median(new)

        def written() -> float:
            new = []
            for _ in range(DEVICES - 1):
                started = time.perf_counter()
                text_format.MessageToString(message)
                new.append(time.perf_counter() - started)
            return statistics.median(new)

        compare(
            f"a message of {len(value):,} bytes from key to screen",
            drawn,
            written,
            against="text_format.MessageToString alone",
        )
    print(f"{len(times)} keys, 95 of 100 within {statistics.quantiles(times, n=20)[-1] * 1000:.1f} ms")


if __name__ == "__main__":
    main()
