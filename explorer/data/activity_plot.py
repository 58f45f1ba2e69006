"""Plot of changes over time, drawn without a window, and its display in a notebook."""

from collections.abc import Sequence
from datetime import UTC, datetime
from io import BytesIO
from threading import Lock
from typing import Final

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from explorer.data.activity_counts import Second

_KINDS: Final = {"put": "#0072b2", "deleted": "#d55e00", "inferred": "#999999"}
"""Colours that can be told apart without seeing all of them."""
_LOST_COLOUR: Final = "#cc79a7"
_SIZE: Final = (8.0, 2.8)
"""Inches."""
_DRAW_LOCK: Final = Lock()
"""matplotlib draws one figure at a time."""


def draw(seconds: Sequence[Second], title: str) -> Figure:
    """Return the figure of changes by second; times without a connection and lost history are marked."""
    with _DRAW_LOCK:
        figure = Figure(figsize=_SIZE, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        _draw_counts(axes, seconds)
        _mark_gaps(axes, seconds)
        figure.legend(loc="outside right upper", fontsize="small", frameon=False)
        axes.set_title(title, loc="left", fontsize="medium", parse_math=False)
        return figure


def png(figure: Figure) -> bytes:
    """Return the picture of a figure."""
    with _DRAW_LOCK:
        file = BytesIO()
        figure.savefig(file, format="png")
        return file.getvalue()


def show(picture: bytes, text: str, display_id: str, *, update: bool) -> None:
    """Show a picture in the cell that runs, or replace it wherever it is shown."""
    from IPython.display import publish_display_data  # noqa: PLC0415 - figures are drawn without a notebook, too

    publish_display_data(  # type: ignore[no-untyped-call] # of IPython, without types
        {"image/png": picture, "text/plain": text}, transient={"display_id": display_id}, update=update
    )


def _draw_counts(axes: Axes, seconds: Sequence[Second]) -> None:
    times = [_number(one.time) for one in (*seconds, Second(seconds[-1].time + 1))]  # the last second has a width
    kinds = [kind for kind in _KINDS if kind != "inferred" or any(one.inferred for one in seconds)]
    counts = [[getattr(one, kind) for one in (*seconds, seconds[-1])] for kind in kinds]
    axes.stackplot(times, counts, step="post", labels=kinds, colors=[_KINDS[kind] for kind in kinds], linewidth=0)
    axes.set_xlim(times[0], times[-1])
    axes.set_ylim(bottom=0)
    axes.set_ylabel("changes per second")
    axes.set_xlabel("time (UTC)")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    locator = AutoDateLocator()  # type: ignore[no-untyped-call] # of matplotlib, without types
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call] # as above


def _mark_gaps(axes: Axes, seconds: Sequence[Second]) -> None:
    start: int | None = None
    label = "connection lost"
    for one in (*seconds, Second(seconds[-1].time + 1)):
        if one.state == "lost" and start is None:
            start = one.time
        elif one.state != "lost" and start is not None:
            axes.axvspan(_number(start), _number(one.time), color=_LOST_COLOUR, alpha=0.3, label=label)
            start, label = None, ""
    label = "history lost"
    for one in seconds:
        if one.state == "resync":
            axes.axvline(_number(one.time), color=_LOST_COLOUR, linestyle="--", label=label)
            label = ""


def _number(time: int) -> float:
    """Return matplotlib's number of a time."""
    return float(date2num(datetime.fromtimestamp(time, UTC)))  # type: ignore[no-untyped-call] # as above
