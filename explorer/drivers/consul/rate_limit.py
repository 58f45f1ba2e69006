"""How often a store is looked at that is woken by every change, and may be woken for nothing."""

import asyncio

_EVERY = 0.25
"""Seconds from one look to the next while there is always news."""
_BURST = 2
"""Looks that may follow one another at once (Consul's documentation advises a bucket of two)."""
_SHARE = 4.0
"""A look that took long is followed by a pause so many times as long: a fifth of the store's time at most."""


class TokenBucket:
    """A bucket of tokens: one is taken for each look, and one is put in for each `_EVERY` seconds."""

    def __init__(self) -> None:
        self._clock = asyncio.get_running_loop().time
        self._tokens = float(_BURST)
        self._filled = self._clock()
        self._not_before = 0.0

    async def keep(self) -> None:
        """Wait until the next look may be taken."""
        self._fill()
        pause = max((1 - self._tokens) * _EVERY, self._not_before - self._clock())
        if pause > 0:
            await asyncio.sleep(pause)
            self._fill()
        self._tokens -= 1

    def cost(self, seconds: float) -> None:
        """Take note of how long the store worked for a look."""
        self._not_before = self._clock() + seconds * _SHARE if seconds > _EVERY / _SHARE else 0.0

    def _fill(self) -> None:
        now = self._clock()
        self._tokens = min(float(_BURST), self._tokens + (now - self._filled) / _EVERY)
        self._filled = now
