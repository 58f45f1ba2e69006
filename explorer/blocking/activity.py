"""Changes below a prefix over time, counted on the portal while the caller does something else."""

import asyncio
import logging
import threading
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import Context
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from explorer.blocking.connection import BlockingConnection
from explorer.data.activity_counts import ActivityCounts
from explorer.data.extras import extra
from explorer.drivers.common.watch import Watch
from explorer.model.errors import ExplorerError
from explorer.model.sanitize import pluralize, sanitize

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

_LOG: Final = logging.getLogger(__package__)

REFRESH_INTERVAL: Final = 1.0
"""Seconds between two pictures of a plot that is shown."""


class Activity:
    """Changes below a prefix by second, counted from now on until it or its store is closed.

    Args:
        connection: Runs the watch.
        watch: The watch of the prefix, not started.
        prefix: The prefix.
        address: The store, without secrets.
    """

    def __init__(self, connection: BlockingConnection, watch: Watch, prefix: str, address: str) -> None:
        self.prefix = prefix
        self._address = address
        self._watch = watch
        self._counts = ActivityCounts()
        self._displays: list[str] = []
        self._publish_lock = threading.Lock()
        self._context = connection.hold(self._collecting())
        self._context.enter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Activity {sanitize(self._title())}>"

    @property
    def status(self) -> str:
        """`live`; `lost: ...` while there is no connection; `closed`, or the error that ended it."""
        return self._counts.status

    def close(self) -> None:
        """Stop counting; plots keep their last picture. A second call does nothing."""
        self._context.exit()

    def to_frame(self) -> "DataFrame":
        """Return a pandas frame with a row for each second (UTC), an hour at most.

        The columns are `put` and `deleted` as reported, `inferred` changes found by comparison after a gap, how many
        more may be `coalesced`, and `state`: `live`, `lost` (counts are missing, since nothing is known) or `resync`
        (history was lost), with the `reason` where a gap begins.
        `attrs["dropped"]` is the number of changes before the first row.

        Raises:
            ExtraNotInstalled: There is no pandas.
        """
        frame = self._counts.frame()
        frame.attrs = {"address": self._address, "prefix": self.prefix, "dropped": self._counts.dropped}
        return frame

    def plot(self) -> "ActivityPlot":
        """Return a plot of changes by second: shown in a notebook, it is live until this is closed.

        Raises:
            ExtraNotInstalled: There is no matplotlib.
        """
        with extra("data"):
            import explorer.data.activity_plot  # noqa: F401, PLC0415 - imports matplotlib
        return ActivityPlot(self)

    # For plots

    def draw(self) -> "Figure":
        """Return the figure of this moment."""
        from explorer.data.activity_plot import draw  # noqa: PLC0415 - imports matplotlib

        return draw(self._counts.seconds(), sanitize(self._title()))

    def show(self) -> None:
        """Show the plot in the cell that runs, and refresh it from then on."""
        display_id = uuid.uuid4().hex
        self._publish(display_id, update=False)
        self._displays.append(display_id)

    def _title(self) -> str:
        seconds = self._counts.seconds()
        changes = pluralize(sum(one.changes for one in seconds), "change")
        moment = datetime.fromtimestamp(seconds[-1].time, UTC).strftime("%H:%M:%S")
        place = f"below {self.prefix!r} at {self._address}" if self.prefix else f"at {self._address}"
        return f"{changes} {place} in {len(seconds)} s, {self.status} at {moment}"

    def _publish(self, display_id: str, *, update: bool) -> None:
        from explorer.data.activity_plot import png, show  # noqa: PLC0415 - imports matplotlib

        show(png(self.draw()), repr(self), display_id, update=update)

    @asynccontextmanager
    async def _collecting(self) -> AsyncIterator[None]:
        """Count the events, and refresh the plots that are shown."""
        async with self._watch, asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._count()), group.create_task(self._refresh())]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                self._counts.end("closed")
                self._publish_all()  # what is shown says that it is not live any more

    async def _count(self) -> None:
        try:
            async for event in self._watch:
                self._counts.add(event)
        except ExplorerError as error:
            self._counts.end(f"ended: {error}")

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_INTERVAL)
            if self._displays:
                await asyncio.to_thread(self._publish_all)

    def _publish_all(self) -> None:
        for display_id in self._displays:
            try:
                with self._publish_lock:  # the last picture is the one that says that this is closed
                    # In an empty context the parent of the message is the cell that runs now, whose messages are read.
                    Context().run(partial(self._publish, display_id, update=True))
            except Exception:  # noqa: BLE001 - a picture that cannot be shown does not end the counting
                _LOG.warning("cannot refresh the plot of an activity", exc_info=True)


class ActivityPlot:
    """Plot of an activity: displayed in a notebook it is live; `figure` is matplotlib's, for scripts."""

    def __init__(self, activity: Activity) -> None:
        self._activity = activity

    @property
    def figure(self) -> "Figure":
        """Figure of this moment."""
        return self._activity.draw()

    def __repr__(self) -> str:
        return f"<ActivityPlot of {self._activity!r}>"

    def _ipython_display_(self) -> None:
        self._activity.show()
