"""Key patterns, and the precedence of rules."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as some

from explorer.codecs.base import Choice
from explorer.codecs.patterns import Pattern
from explorer.codecs.rules import Rule, Rules
from explorer.model.errors import SchemaFailed

TEXT = Choice("text")


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("a/b", ["a/b"], ["a/b/", "/a/b", "a/bc", "a/b/c"]),
        ("a/*", ["a/b", "a/"], ["a/b/c", "a"]),
        ("a/*.json", ["a/b.json", "a/.json"], ["a/b/c.json", "a/bxjson"]),
        ("a/**", ["a/b", "a/b/c", "a/"], ["a", "ab"]),
        ("**/a", ["a", "b/a", "c/b/a"], ["ba", "a/b"]),
        ("a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["a/xb", "ab"]),
        ("**", ["", "a", "a/b\nc"], []),
        ("a/{name}/b", ["a/x/b"], ["a//b", "a/x/y/b"]),
        ("s/{id:digits}", ["s/0042"], ["s/4x", "s/", "s/٤"]),
        ("sub-{n}", ["sub-1"], ["sub-", "sub-1/x"]),
        ("a.b+c(d)", ["a.b+c(d)"], ["aXb+c(d)"]),
    ],
)
def test_pattern_matches_keys(pattern: str, matching: list[str], others: list[str]) -> None:
    """A pattern matches these keys, and not the others."""
    made = Pattern.parse(pattern)
    assert [key for key in matching if not made.matches(key)] == []
    assert [key for key in others if made.matches(key)] == []


@pytest.mark.parametrize(
    ("pattern", "root", "can"),
    [
        ("orders/{id:digits}", "", True),
        ("orders/{id:digits}", "orders/", True),
        ("orders/{id:digits}", "shop/", False),
        ("orders/{id:digits}", "orders/7/", False),
        ("shop/*/{id}", "shop/a/", True),
        ("shop/{n:digits}/x", "shop/a/", False),
        ("**", "shop/a/", True),
        ("**/x", "shop/a/", True),
        ("shop/**", "shop/a/b/c/", True),
        ("shop", "shop/", False),
        ("/registry/**", "registry/", False),
        ("a/b", "a//", False),
    ],
)
def test_pattern_can_match_below_root(pattern: str, root: str, can: bool) -> None:  # noqa: FBT001 - the result
    """A pattern is compared with the levels of the root; a regular expression may match anywhere."""
    assert Pattern.parse(pattern).can_match_below(root) is can
    assert Pattern.from_regex(f"^{pattern.replace('*', 'x')}").can_match_below(root)


@given(some.lists(some.sampled_from(["a", "b", "1", "*", "**", "{x}", "{n:digits}", "a*"]), min_size=1, max_size=4))
def test_pattern_that_matches_can_match_below(levels: list[str]) -> None:
    """No pattern that matches a key is said to match none below any of the folders above the key."""
    pattern = Pattern.parse("/".join(levels))
    for length in range(1, 5):
        for key in map("/".join, product(["a", "b", "1"], repeat=length)):
            if pattern.matches(key):
                above = key.split("/")[:-1]
                roots = ["".join(f"{name}/" for name in above[:end]) for end in range(length)]
                assert [root for root in roots if not pattern.can_match_below(root)] == []


def test_pattern_levels_use_the_stores_separator() -> None:
    """Levels are split at the store's separator."""
    pattern = Pattern.parse("user:{id}:**", ":")
    assert pattern.matches("user:1/2:profile:a")
    assert not pattern.matches("user:1")


@given(some.text(some.characters(exclude_characters="*{}")))
def test_pattern_without_wildcards_matches_itself_only(key: str) -> None:
    """A pattern without wildcards matches only itself."""
    pattern = Pattern.parse(key)
    assert pattern.exact
    assert pattern.matches(key)
    assert not pattern.matches(key + "x")


def test_from_regex_matches_anywhere_unless_anchored() -> None:
    """A regular expression matches anywhere unless it is anchored."""
    assert Pattern.from_regex("b+|x$").matches("abbc")
    assert not Pattern.from_regex("^b").matches("ab")
    assert Pattern.from_regex("^cache:").matches("cache:\n")
    assert Pattern.from_regex("(?i)^CACHE").matches("cache")


@pytest.mark.parametrize("pattern", ["a/{name", "a}", "{a:letters}"])
def test_parse_invalid_pattern_is_refused(pattern: str) -> None:
    """An invalid pattern is refused."""
    with pytest.raises(SchemaFailed) as caught:
        Pattern.parse(pattern)
    assert caught.value.hint


def test_from_regex_invalid_is_refused() -> None:
    """An invalid regular expression is refused."""
    with pytest.raises(SchemaFailed):
        Pattern.from_regex("(")


def rule(pattern: str, priority: int = 0, name: str = "") -> Rule:
    return Rule(Pattern.parse(pattern), TEXT, name or pattern, priority)


@pytest.mark.parametrize(
    ("patterns", "taken"),
    [
        (["**", "a/b", "a/*"], "a/b"),
        (["a/**", "**/b", "a/{x}"], "a/**"),
        (["a/{x}", "a/*"], "a/{x}"),
        (["**", "a/*"], "a/*"),
    ],
)
def test_find_prefers_exact_then_literal_then_earlier(patterns: list[str], taken: str) -> None:
    """Precedence: an exact key, then more literal characters, then the earlier rule."""
    found = Rules(tuple(rule(pattern) for pattern in patterns)).find("a/b")
    assert found is not None
    assert found.name == taken


def test_find_prefers_the_highest_priority() -> None:
    """The highest priority takes precedence."""
    rules = Rules((rule("a/b"), rule("**", 1)))
    assert rules.find("a/b") is rules.rules[1]
    assert rules.find("c") is rules.rules[1]
    assert Rules((rule("a"),)).find("c") is None


def test_shadowed_rules_are_problems() -> None:
    """A rule that is never used is a problem."""
    rules = Rules((rule("a/*", name="one"), rule("b/*", name="two"), rule("a/*", name="three"), rule("b/*", 1, "four")))
    assert rules.shadowed() == (
        "two is never used: four has the same pattern and takes precedence",
        "three is never used: one has the same pattern and takes precedence",
    )


def test_rule_reason_has_pattern_and_choice() -> None:
    """The reason has pattern and choice."""
    assert Rule(Pattern.parse("/pd/**"), Choice("protobuf", "metapb.Store"), "rule 3 of codecs.toml").reason == (
        "rule 3 of codecs.toml: /pd/** -> metapb.Store"
    )
