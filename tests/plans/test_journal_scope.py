"""Records of the journal that are about a place, and their keys there."""

import pytest

from explorer.journal import DELETE_TREE, JournalRecord
from explorer.model.address import parse
from explorer.plans.journal_scope import JournalScope

PLACES = {
    "same URL": ("etcd://h/app/", "etcd://h/app/", "port", "port"),
    "above": ("etcd://h/", "etcd://h/app/", "port", "app/port"),
    "below": ("etcd://h/app/", "etcd://h/", "app/port", "port"),
    "beside": ("etcd://h/app/", "etcd://h/", "apple/port", None),
    "no separator at its end": ("etcd://h/app", "etcd://h/", "app/port", "port"),
    "another separator": ("redis://h/app:", "redis://h/", "app:port", "port"),
    "another time limit": ("etcd://h/?timeout=9", "etcd://h/?revision=7", "port", "port"),
    "one of several members": ("etcd://h,i/", "etcd://i/", "port", "port"),
    "another host": ("etcd://h/", "etcd://i/", "port", None),
    "another scheme": ("etcd://h/", "etcd2://h/", "port", None),
    "another datacenter": ("consul://h/?dc=a", "consul://h/?dc=b", "port", None),
    "another database": ("redis://h/1/", "redis://h/2/", "port", None),
    "a bucket of a file": ("bolt:///x.db/b/", "bolt:///x.db", "b/port", "port"),
    "another file": ("bolt:///x.db", "bolt:///y.db", "port", None),
    "no URL": ("etcd://h/", "://", "port", None),
}
"""URL of the scope, URL and key of a record, and the key in the scope."""


@pytest.mark.parametrize(("place", "url", "key", "expected"), PLACES.values(), ids=PLACES)
def test_record_of_a_place(place: str, url: str, key: str, expected: str | None) -> None:
    scope = JournalScope(parse(place), ":" if place.startswith("redis") else "/")
    found = scope.relative(JournalRecord(url, key, "update", old=b"1", profile="dev"))
    assert (None if found is None else found.key) == expected
    if found is not None:
        assert (found.store, found.old) == (parse(place).public_url, b"1")
        assert found.profile == ("dev" if url == place else "")


def test_deletion_of_a_tree_concerns_what_is_below() -> None:
    scope = JournalScope(parse("etcd://h/app/one/"), "/")
    found = scope.relative(JournalRecord("etcd://h/", "app/", DELETE_TREE))
    assert found is not None
    assert found.key == ""
    assert scope.relative(JournalRecord("etcd://h/", "app", "delete")) is None


def test_masked_values_are_left_out_of_others_records() -> None:
    """A value that was written by a URL without a profile is masked by the profile that shows it."""
    scope = JournalScope(parse("etcd://h/app/"), "/", lambda key: key == "token")
    token = scope.relative(JournalRecord("etcd://h/", "app/token", "update", old=b"s3cret", new=b"s3cret"))
    port = scope.relative(JournalRecord("etcd://h/", "app/port", "update", old=b"80", new=b"81"))
    assert token is not None
    assert (token.old, token.new, token.masked) == (None, None, True)
    assert port is not None
    assert (port.old, port.new, port.masked) == (b"80", b"81", False)
