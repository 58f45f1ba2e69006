"""The identity that the holder of a lock writes."""

import pytest

from explorer.drivers.common.leases import holder_id, parse_holder


@pytest.mark.parametrize("value", [b"nightly job 7", "n\u00e4chtlich".encode()])
def test_short_text_names_the_holder(value: bytes) -> None:
    """Beside user, host and process, and with the time."""
    name, since = parse_holder(holder_id(value))
    assert name.startswith(f"{value.decode()} (")
    assert " pid " in name
    assert since is not None


@pytest.mark.parametrize("value", [b"", b"\xff", b"two\nlines", b"\x1b[31m", b"x" * 61])
def test_other_values_do_not_name_the_holder(value: bytes) -> None:
    name, _ = parse_holder(holder_id(value))
    assert name == parse_holder(holder_id())[0]
