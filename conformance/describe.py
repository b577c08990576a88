"""A plan as plain data, so that reports need nothing but what is written in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .language import Law
from .selection import Plan, Target

if TYPE_CHECKING:
    from ..adapters.contract import Implementation

__all__ = ["describe_law", "describe_plan", "describe_shard"]


def describe_plan(plan: Plan) -> dict[str, Any]:
    """Budget, seed, chances of false alarms, implementations, laws and profiles of a run, JSON-ready."""
    from ..reference.attention.bounds import FALSE_ALARM
    from ..reference.attention.bounds.score import CHANCE
    from ..reference.random_feature_attention.chance import FALSE_ALARM as DRAWN
    from .engine.budget import BUDGETS
    from .language import load_laws

    return {
        "budget": {
            "name": plan.budget.name,
            "examples": plan.budget.examples,
            "costly": plan.budget.costly,
            "timeout": plan.budget.timeout,
        },
        "standard_examples": BUDGETS["standard"].examples,
        "standard_costly": BUDGETS["standard"].costly,
        "seed": plan.seed,
        "narrowed": plan.narrowed,
        "false_alarms": {"random_signs": FALSE_ALARM, "estimates": CHANCE, "drawn_features": DRAWN, "other": 0.0},
        "dtype": list(plan.dtypes) or None,
        "implementations": [_describe_target(target) for target in plan.targets],
        "laws": {law.id: describe_law(law) for law in plan.laws},
        "all_laws": [law.id for law in load_laws()],
        "profiles": _describe_profiles(),
    }


def describe_shard(plan: Plan) -> dict[str, int] | None:
    """Which part of a run a plan is, and how many results the whole has; None where it is the whole."""
    if plan.shard is None:
        return None
    return {"number": plan.shard.number, "of": plan.shard.of, "whole": sum(1 for _ in plan.whole())}


def describe_law(law: Law) -> dict[str, Any]:
    """What a reader of a finding wants to know about a law."""
    shipped = law.shipped
    return {
        "chapter": law.chapter,
        "level": law.level,
        "operation": law.operation,
        "statement": law.statement,
        "equation": law.equation,
        "where": law.where,
        "why": law.why,
        "file": f"spec/{law.operation}/laws/{law.file.name}" if shipped else str(law.file),
        "line": law.line,
        "shipped": law.stated,
        "sources": list(law.source),
    }


def _describe_target(target: Target) -> dict[str, Any]:
    from .survey.record import refusals  # A survey draws problems, and whoever only talks about laws shall not wait for that.

    made = target.implementation
    return {
        "name": made.name,
        "address": target.address,
        "operation": made.operation,
        "arrays": made.arrays,
        "layout": made.layout,
        "dtypes": list(made.dtypes),
        "device": _device(made),
        "mode": made.mode,
        "options": sorted(made.options),
        "claims": sorted(made.claims),
        "refusals": refusals(made.takes),
        "notes": list(made.notes),
        "origin": made.origin,
    }


def _device(made: Implementation) -> str:
    """Where arrays lie: as declared or asked for, else the default of the framework."""
    if made.device is None and made.arrays == "jax":
        import jax

        return str(jax.default_backend())
    return made.device or "cpu"


def _describe_profiles() -> dict[str, Any]:
    """Profile → what it is, and its must-laws with their operation."""
    from .language import load_laws, profiles

    musts = [law for law in load_laws() if law.level == "must"]
    return {
        name: {"about": profile.about, "must": {law.id: law.operation for law in musts if profile.contains(law.id)}}
        for name, profile in profiles().items()
    }
