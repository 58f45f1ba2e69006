import pytest

from explorer.model.errors import ExplorerError
from explorer.model.format import format_bytes, format_duration, format_error


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (1 << 20, "1.0 MiB"), (3 << 30, "3.0 GiB")],
)
def test_format_bytes(count: int, text: str) -> None:
    assert format_bytes(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.44, "0.4s"), (12.9, "12s"), (200.0, "3m20s"), (18_180.0, "5h03m"), (187_200.0, "2d4h")],
)
def test_format_duration(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_format_error_has_the_hint_if_there_is_one() -> None:
    assert format_error(ExplorerError("no", hint="try")) == "no (try)"
    assert format_error(ExplorerError("no")) == "no"
