"""A plan as plain data, so that reports need nothing but what is written in them."""

from __future__ import annotations

import json
from typing import Any, cast

import msgspec

from ..adapters.device import device_of
from ..reports.schema import Result as Told
from ..reports.schema import checked
from ..reports.schema.setting import Budget, FalseAlarms, LawText, Profile, Refusal, Shard
from ..reports.schema.setting import Implementation as Described
from ..reports.schema.words import Level, Mode
from ..reports.write import as_json
from .engine.result import Result
from .language import Law
from .selection import Plan, Target

__all__ = ["describe_law", "describe_plan", "describe_result", "describe_shard", "told"]


def describe_plan(plan: Plan) -> dict[str, Any]:
    """Budget, seed, chances of false alarms, implementations, laws and profiles of a run, JSON-ready."""
    from ..reference.attention.bounds import FALSE_ALARM
    from ..reference.attention.bounds.score import CHANCE
    from ..reference.random_feature_attention.chance import FALSE_ALARM as DRAWN
    from .engine.budget import BUDGETS
    from .language import load_laws

    about = {
        "budget": Budget(plan.budget.name, plan.budget.examples, plan.budget.costly, plan.budget.timeout),
        "standard_examples": BUDGETS["standard"].examples,
        "standard_costly": BUDGETS["standard"].costly,
        "seed": plan.seed,
        "narrowed": plan.narrowed,
        "false_alarms": FalseAlarms(random_signs=FALSE_ALARM, estimates=CHANCE, drawn_features=DRAWN, other=0.0),
        "dtype": list(plan.dtypes) or None,
        "implementations": [_describe_target(target) for target in plan.targets],
        "laws": {law.id: describe_law(law) for law in plan.laws},
        "all_laws": [law.id for law in load_laws()],
        "profiles": _describe_profiles(),
    }
    plain: dict[str, Any] = msgspec.to_builtins(about)
    return plain


def describe_shard(plan: Plan) -> dict[str, int] | None:
    """Which part of a run a plan is, and how many results the whole has; None where it is the whole."""
    if plan.shard is None:
        return None
    shard: dict[str, int] = msgspec.to_builtins(Shard(plan.shard.number, plan.shard.of, sum(1 for _ in plan.whole())))
    return shard


def describe_result(result: Result) -> dict[str, Any]:
    """What a law said, as a line of results.jsonl has it."""
    row: dict[str, Any] = json.loads(as_json(result.as_dict()))  # Measures are numbers of NumPy, and JSON knows none.
    return row


def told(result: Result) -> Told:
    """What a law said, as whoever reads reports takes it."""
    return checked(describe_result(result), Told, "the result")


def describe_law(law: Law) -> LawText:
    """What a reader of a finding wants to know about a law."""
    shipped = law.shipped
    return LawText(
        chapter=law.chapter,
        level=cast(Level, law.level),
        operation=law.operation,
        statement=law.statement,
        equation=law.equation,
        where=law.where,
        why=law.why,
        file=f"spec/{law.operation}/laws/{law.file.name}" if shipped else str(law.file),
        line=law.line,
        shipped=law.stated,
        sources=list(law.source),
    )


def _describe_target(target: Target) -> Described:
    made = target.implementation
    return Described(
        name=made.name,
        address=target.address,
        operation=made.operation,
        arrays=made.arrays,
        layout=made.layout,
        dtypes=list(made.dtypes),
        device=device_of(made) if made.host is None else made.host.place,
        mode=cast(Mode, made.mode),
        options=sorted(made.options),
        claims=sorted(made.claims),
        refusals=[Refusal(sentence, words) for sentence, words in made.takes.sentences()],
        notes=list(made.notes),
        origin=made.origin,
        conventions={},  # A run finds them out.
        process="judge" if made.host is None else "host",
    )


def _describe_profiles() -> dict[str, Profile]:
    """Profile → what it is, and its must-laws with their operation."""
    from .language import load_laws, profiles

    musts = [law for law in load_laws() if law.level == "must"]
    return {
        name: Profile(profile.about, {law.id: law.operation for law in musts if profile.contains(law.id)})
        for name, profile in profiles().items()
    }
