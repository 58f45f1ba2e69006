"""Programs that tests require: found, skipped or refused."""

from pathlib import Path

import pytest

from tests.servers import require as requirements
from tests.servers.programs import ETCD
from tests.servers.require import require, require_browser, require_modules, require_source


def test_require_without_servers_fails_with_the_missing_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    """`make check` notices a test that starts a server and is not marked, also where the server is installed."""
    monkeypatch.setenv("KEYSCOPE_NO_SERVERS", "1")
    with pytest.raises(pytest.fail.Exception, match=r"etcd 3\.5 is needed: .*pytest\.mark\.servers"):
        require(ETCD["3.5"])
    with pytest.raises(pytest.fail.Exception, match=r"mark the test"):
        require_source(Path("/somewhere/library"))


@pytest.mark.parametrize(("must", "outcome"), [("0", pytest.skip.Exception), ("1", pytest.fail.Exception)])
def test_missing_browser_or_module_is_named(
    monkeypatch: pytest.MonkeyPatch, must: str, outcome: type[BaseException]
) -> None:
    """The test is skipped, or fails where servers are a must."""
    monkeypatch.setenv("KEYSCOPE_REQUIRE_SERVERS", must)
    monkeypatch.delenv("KEYSCOPE_NO_SERVERS", raising=False)
    monkeypatch.setattr(requirements, "BROWSERS", ())
    with pytest.raises(outcome, match="neither Chromium nor Chrome is on PATH"):
        require_browser()
    with pytest.raises(outcome, match="no_such_module is not installed"):
        require_modules("pytest", "no_such_module")
