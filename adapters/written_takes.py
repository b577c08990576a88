"""What an implementation takes as plain data, so that another process can hand it on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .takes import Rule, Takes

__all__ = ["read_takes", "written_takes"]


def written_takes(takes: Takes) -> dict[str, Any]:
    """JSON-ready."""
    return {
        "rules": _written(takes.rules),
        "always": dict(takes.always),
        "needs": dict(takes.needs),
        "refused": dict(takes.refused),
        "sized": {option: _written(rules) for option, rules in takes.sized.items()},
        "pairs": [[*sorted(pair), words] for pair, words in takes.pairs.items()],
        "shapes": dict(takes.shapes),
        "nothing": takes.nothing,
    }


def read_takes(data: Mapping[str, Any]) -> Takes:
    """What `written_takes` wrote."""
    return Takes(
        rules=_read(data["rules"]),
        always={name: tuple(value) if isinstance(value, list) else value for name, value in data["always"].items()},
        needs=data["needs"],
        refused=data["refused"],
        sized={option: _read(rules) for option, rules in data["sized"].items()},
        pairs={frozenset((one, other)): words for one, other, words in data["pairs"]},
        shapes=data["shapes"],
        nothing=data["nothing"],
    )


def _written(rules: tuple[Rule, ...]) -> list[list[Any]]:
    return [[rule.size, rule.relation, rule.value, rule.words] for rule in rules]


def _read(rules: list[list[Any]]) -> tuple[Rule, ...]:
    return tuple(
        Rule(size, relation, tuple(value) if isinstance(value, list) else value, words)
        for size, relation, value, words in rules
    )
