"""Plans as tables in cells, and as lines of dialogs; everything is sanitised and escaped."""

from collections.abc import Iterator
from html import escape
from itertools import islice
from typing import TYPE_CHECKING, Final, Protocol

from explorer.model.format import format_bytes
from explorer.model.sanitize import sanitize
from explorer.plans.plan import Plan
from explorer.session.results.plan_review import PlanReview
from explorer.session.results.plan_rows import plan_rows
from explorer.session.results.plan_text import plan_summary, row_details, row_sign

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

MAX_ROWS: Final = 200
"""Rows of a table in a cell."""
_MAX_LISTED: Final = 2_000
"""Keys of a plan that a dialog lists."""
_MAX_DIFFS: Final = 50
"""Changes of which a dialog shows the difference."""
_COLUMNS: Final = ("", "key", "old", "new", "")


class Printer(Protocol):
    """IPython's printer of texts."""

    def text(self, obj: str) -> None:
        """Print a text."""


def plan_html(plan: Plan) -> str:
    """Return a plan as a table."""
    head = "".join(f"<th>{name}</th>" for name in _COLUMNS)
    rows = plan_rows(plan)
    body = "".join(
        "<tr>" + "".join(f"<td style='text-align: left'>{escape(cell)}</td>" for cell in cells) + "</tr>"
        for cells in _cells(plan)
    )
    more = f"<p>and {len(rows) - MAX_ROWS:,} more</p>" if len(rows) > MAX_ROWS else ""
    return (
        f"<div><p><b>{escape(sanitize(plan.title))}</b>: {escape(plan_summary(plan))}</p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}</div>"
    )


def plan_text(plan: Plan) -> str:
    """Return a plan as lines, for consoles."""
    rows = plan_rows(plan)
    lines = [f"{sanitize(plan.title)}: {plan_summary(plan)}"]
    lines += ["  ".join(cell for cell in cells if cell) for cells in _cells(plan)]
    if len(rows) > MAX_ROWS:
        lines.append(f"and {len(rows) - MAX_ROWS:,} more")
    return "\n".join(lines)


def _cells(plan: Plan) -> Iterator[tuple[str, str, str, str, str]]:
    for row in islice(plan_rows(plan), MAX_ROWS):
        old, new = (None, None) if row.change is None else (row.change.old, row.change.new)
        yield row_sign(row)[0], sanitize(row.key), _size(old), _size(new), row_details(row)


def _size(value: bytes | None) -> str:
    """Return the size of a value; a cell is saved with its notebook, and a value may be secret."""
    return "" if value is None else format_bytes(len(value))


async def plan_lines(review: PlanReview) -> list[str]:
    """Return the keys of a reviewed plan, the first ones with the differences of their values."""
    lines: list[str] = []
    for number, row in enumerate(review.items[:_MAX_LISTED]):
        details = row_details(row)
        lines.append(f"{row_sign(row)[0]} {sanitize(row.key)}" + (f"  {details}" if details else ""))
        if number < _MAX_DIFFS:
            lines += [f"    {sanitize(str(line))}" for line in await review.diff(row)]
    if len(review.items) > _MAX_LISTED:
        lines.append(f"… and {len(review.items) - _MAX_LISTED:,} more")
    return lines


def register(shell: "InteractiveShell") -> None:
    """Show plans as tables in a shell."""
    formatters = shell.display_formatter.formatters if shell.display_formatter is not None else {}
    if "text/html" in formatters:
        formatters["text/html"].for_type(Plan, plan_html)
    if "text/plain" in formatters:
        formatters["text/plain"].for_type(Plan, _print_plan)


def _print_plan(plan: Plan, printer: Printer, cycle: bool) -> None:  # noqa: FBT001 - as IPython calls it
    del cycle
    printer.text(plan_text(plan))
