"""Programs that tests require: found, skipped or refused."""

from pathlib import Path

import pytest

from tests.servers.programs import ETCD
from tests.servers.require import require, require_source


def test_require_without_servers_fails_with_the_missing_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    """`make check` notices a test that starts a server and is not marked, also where the server is installed."""
    monkeypatch.setenv("KEYSCOPE_NO_SERVERS", "1")
    with pytest.raises(pytest.fail.Exception, match=r"etcd 3\.5 is needed: .*pytest\.mark\.servers"):
        require(ETCD["3.5"])
    with pytest.raises(pytest.fail.Exception, match=r"mark the test"):
        require_source(Path("/somewhere/library"))
