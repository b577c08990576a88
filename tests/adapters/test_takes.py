"""Rules on sizes: what a declaration says, what it allows, and how it is told."""

from __future__ import annotations

import pytest

from attnspec.adapters.takes import Rule, Takes, read_rules

SIZES = {"b": 1, "hq": 4, "hkv": 2, "sq": 3, "sk": 17, "d": 64, "dv": 64}


@pytest.mark.parametrize(
    "size, wish, rule, allowed",
    [
        ("hkv", "hq", Rule("hkv", "like", "hq"), False),
        ("dv", "d", Rule("dv", "like", "d"), True),
        ("sq", "<= sk", Rule("sq", "<=", "sk"), True),
        ("sq", "≥ sk", Rule("sq", ">=", "sk"), False),
        ("sk", "multiple of 16", Rule("sk", "multiple of", 16), False),
        ("d", [128, 64], Rule("d", "among", (64, 128)), True),
        ("sq", 1, Rule("sq", "among", (1,)), False),
        ("sq", "1", Rule("sq", "among", (1,)), False),
        ("sk", ">= 16", Rule("sk", ">=", 16), True),
    ],
)
def test_a_declaration_is_read_as_a_rule(size: str, wish: object, rule: Rule, allowed: bool) -> None:
    assert read_rules(size, wish) == (rule,)
    assert rule.allows(SIZES) is allowed


def test_several_rules_about_one_size_are_joined_by_commas() -> None:
    assert read_rules("sk", "multiple of 16, >= 32") == (Rule("sk", "multiple of", 16), Rule("sk", ">=", 32))


@pytest.mark.parametrize(
    "wish", ["", "many", "multiple of", "multiple of 0", "multiple of sq", "sk", True, 1.5, [], [1.0], None]
)
def test_what_says_nothing_is_refused_and_what_can_be_said_is_named(wish: object) -> None:
    with pytest.raises(ValueError, match=r"sk: .*write a number, a list of numbers|no multiples"):
        read_rules("sk", wish)
    with pytest.raises(ValueError, match="unknown size 'keys'; known: b, hq"):
        read_rules("keys", 3)


def test_a_rule_about_a_size_that_is_not_there_yet_is_kept() -> None:
    assert Rule("hkv", "like", "hq").allows({"hkv": 2})


def test_a_broken_rule_says_what_is_needed_and_what_came() -> None:
    assert Rule("sk", "multiple of", 16).broken(SIZES) == "needs a multiple of 16 keys, got 17"
    assert Rule("d", "among", (64, 128)).broken({"d": 80}) == "needs 64 or 128 features, got 80"
    grouped = Rule("hkv", "like", "hq", "ValueError: no")
    assert grouped.broken(SIZES) == "does not take grouped heads (Hq ≠ Hkv): ValueError: no"


def test_reasons_name_the_size_the_option_or_the_pair() -> None:
    takes = Takes(
        rules=(Rule("sk", "multiple of", 16),),
        always={"causal": True},
        refused={"window": "ValueError: no window"},
        pairs={frozenset(("mask", "bias")): "TypeError: one of them"},
    )
    fitting = {**SIZES, "sk": 16}
    assert takes.reason(SIZES, {"causal": True}) == "needs a multiple of 16 keys, got 17"
    assert takes.reason(fitting, {}) == "always has causal=True"
    assert takes.reason(fitting, {"causal": True}) is None
    assert takes.reason(fitting, {"causal": True, "window": (3, 0)}) == "does not take window: ValueError: no window"
    assert (
        takes.reason(fitting, {"causal": True, "mask": 0, "bias": 0}) == "does not take bias with mask: TypeError: one of them"
    )
    assert [sentence for sentence, _ in takes.sentences()] == [
        "takes a multiple of 16 keys only",
        "always has causal=True",
        "does not take window",
        "does not take bias with mask",
    ]
