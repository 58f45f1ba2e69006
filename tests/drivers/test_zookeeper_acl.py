"""Text of access control lists, and what is known before a znode is created with one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.drivers.zookeeper.acl import (
    ANYONE,
    AclEntry,
    Identity,
    acl_refusal,
    digest_identity,
    format_acl,
    parse_acl,
)

IDS = st.text(max_size=8) | st.sampled_from(
    ["anyone", "ann:h=", "ann@EXAMPLE.ORG/host", "10.0.0.0/8", "::1", "CN=a, OU=b", "a:r, b:c:w", "\\\\", "\\,", "a\\"]
)
ENTRIES = st.builds(
    AclEntry, st.integers(0, 31), st.sampled_from(["world", "digest", "sasl", "ip", "x509", "auth", "super"]), IDS
)
ANN = digest_identity("ann", "secret")


@given(st.lists(ENTRIES, max_size=4))
def test_text_of_any_list_is_read_again(acl: list[AclEntry]) -> None:
    assert parse_acl(format_acl(acl)) == tuple(acl)


@given(st.text(alphabet="wxrcda:,\\ ", max_size=12))
def test_text_that_is_read_is_written_alike(text: str) -> None:
    """Its permissions may be in any order."""
    try:
        acl = parse_acl(text)
    except ValueError:
        return
    assert parse_acl(format_acl(acl)) == acl


@pytest.mark.parametrize(
    ("text", "has_children", "reason"),
    [
        ("world:anyone:r", False, ""),
        ("world:anyone:cd", True, ""),
        (f"world:anyone:c, digest:{ANN.id}:rd", True, ""),
        ("world:anyone:cr, digest:bob:h=:cdrwa", True, "may forbid this user to create and delete what is below"),
        ("digest:bob:x:cdrwa", False, "shows its digests only to those who may administer"),
        ("auth::cdrwa", False, "whoever is logged in"),
        ("nobody", False, "for nobody"),
        ("world", False, "is no access control list"),
        ("world:anyone:r, ", False, "is no access control list"),
    ],
)
def test_list_that_no_znode_is_created_with(text: str, *, has_children: bool, reason: str) -> None:
    found = acl_refusal(text, {ANYONE, ANN}, has_children=has_children)
    assert (reason in found, bool(found)) == (True, bool(reason))


def test_identity_of_a_digest_user() -> None:
    """As ZooKeeper's own DigestAuthenticationProvider makes it."""
    assert digest_identity("super", "admin") == Identity("digest", "super:xQJmxLMiHGwaqBvst5y6rkB6HQs=")
