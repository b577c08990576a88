"""What a run is about: which implementations, laws, dtypes and budget. Every front door asks here.

A name or a glob that matches nothing is a mistake of whoever typed it, never an empty and therefore green run.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..adapters.contract import Implementation
    from .engine.budget import Budget
    from .language import Law
    from .shards import Shard

__all__ = [
    "Case",
    "Mistake",
    "Plan",
    "Target",
    "choose_budget",
    "choose_laws",
    "find_targets",
    "known_dtypes",
    "make_plan",
]


class Mistake(Exception):
    """A run that cannot start. The text is one sentence that names the thing and the fix."""


@dataclass(frozen=True, eq=False)
class Target:
    """An implementation, and the address by which `adapters.finding.find` finds it again.

    asked: what was typed, which may name several.
    """

    address: str
    implementation: Implementation
    asked: str = ""


@dataclass(frozen=True, eq=False)
class Case:
    """One law on one implementation in one dtype: the unit of a run."""

    law: Law
    target: Target
    dtype: str

    @property
    def key(self) -> tuple[str, str, str]:
        """(law, implementation, dtype): what tells a case, and its result, from every other of the run."""
        return (self.law.id, self.target.implementation.name, self.dtype)

    @property
    def name(self) -> str:
        """`causal/future-is-invisible[numpy/flash-float32]`."""
        return f"{self.law.id}[{self.target.implementation.name}-{self.dtype}]"

    def identity(self) -> dict[str, Any]:
        """The fields by which a result names its case."""
        made, law = self.target.implementation, self.law
        return {
            "implementation": made.name,
            "operation": made.operation,
            "law": law.id,
            "dtype": self.dtype,
            "level": law.level,
            "chapter": law.chapter,
        }


@dataclass(frozen=True, eq=False)
class Plan:
    """Everything that one run will try. `narrowed`: whether laws or dtypes were left out on request.

    dtypes: the only ones that are tried; empty for all that an implementation declares.
    short: whether an implementation is only held to its quick laws, and in one dtype a law, another for another law, where
    calls are compiled or interpreted.
    shard: the part of it that this process tries, where several share it.
    """

    targets: tuple[Target, ...]
    laws: tuple[Law, ...]
    budget: Budget
    seed: int = 0
    dtypes: tuple[str, ...] = ()
    narrowed: bool = False
    short: bool = False
    shard: Shard | None = None

    def cases(self) -> Iterator[Case]:
        """What is tried here: all, or those of the shard."""
        return self.whole() if self.shard is None else iter(self.shard.of_cases(list(self.whole())))

    def whole(self) -> Iterator[Case]:
        """Each law on each implementation that it is asked of, in each dtype that the implementation declares."""
        for law in self.laws:
            for target in self.targets:
                if self._asks(law, target.implementation):
                    yield from (Case(law, target, dtype) for dtype in self._dtypes(law, target.implementation))

    def _asks(self, law: Law, made: Implementation) -> bool:
        """Whether a law is about an implementation and, in a short run, one of its quick laws or of the user's own files."""
        from .engine.lifted import lifts
        from .quick import quick_laws

        if made.operation != law.operation and not lifts(made, law):
            return False
        return not self.short or law.id in quick_laws(made) or not law.shipped

    def _dtypes(self, law: Law, made: Implementation) -> tuple[str, ...]:
        dtypes = tuple(dtype for dtype in made.dtypes if dtype in (self.dtypes or made.dtypes))
        if not self.short or made.mode == "eager" or len(dtypes) < 2:
            return dtypes
        return (dtypes[zlib.crc32(law.id.encode()) % len(dtypes)],)


def make_plan(
    targets: Sequence[Target],
    *,
    laws: Iterable[str] = (),
    profile: str | None = None,
    laws_files: Iterable[Path | str] = (),
    dtype: str | Sequence[str] | None = None,
    budget: str = "quick",
    examples: int | None = None,
    timeout: float | None = None,
    seed: int = 0,
    shard: str | None = None,
    checked: bool = False,
) -> Plan:
    """The plan of a run. Raises Mistake where a name is unknown or nothing is left to run, SpecError for a broken law file.

    Laws of one's own are tried on the definition and on the mistakes that they name, and SpecError is raised for one that is
    false or lets one pass. checked: this was done already, as by the process that starts a worker.
    dtype: the only one, or the only ones. shard: `2/3`. It may be empty where the whole is not.
    """
    from .operations import operation_named

    dtypes = known_dtypes(dtype)
    patterns, files = tuple(laws), tuple(laws_files)
    tried = choose_budget(budget, examples=examples, timeout=timeout)
    short = tried.short and not patterns and profile is None
    chosen = choose_laws(patterns, profile=profile, files=files)
    computed = {target.implementation.operation for target in targets}
    asked_of = computed | {other for name in computed for other in operation_named(name).embeds}
    plan = Plan(
        targets=tuple(targets),
        laws=tuple(law for law in chosen if law.operation in asked_of),
        budget=tried,
        seed=seed,
        dtypes=dtypes,
        narrowed=bool(patterns or profile or dtypes),
        short=short,
        shard=_shard(shard),
    )
    asked = {case.law.id for case in plan.whole()}
    plan = replace(plan, laws=tuple(law for law in plan.laws if law.id in asked))
    if next(plan.whole(), None) is None:
        names = ", ".join(target.implementation.name for target in targets)
        about = f"the operation of {names}{_within(dtypes)}"
        raise Mistake(f"nothing to run: none of the {len(chosen)} chosen laws is about {about}")
    _all_are_tried(plan, patterns)
    if files and not checked:
        from .kills.own_laws import check_before_run

        check_before_run(plan.whole())
    return plan


def _all_are_tried(plan: Plan, patterns: Iterable[str]) -> None:
    """Raises Mistake for a glob or an address of which nothing is tried although something is of others: it looks checked."""
    cases = list(plan.whole())
    laws, asked = {case.law.id for case in cases}, {case.target.asked for case in cases}
    for pattern in patterns:
        if not any(fnmatchcase(law, pattern) for law in laws):
            raise Mistake(f"no law that matches {pattern!r} is about what these implementations compute; remove it")
    for target in plan.targets:
        if target.asked not in asked:
            made, within = target.implementation, _within(plan.dtypes)
            raise Mistake(
                f"none of the chosen laws is about {target.asked}{within} ({made.operation} in {', '.join(made.dtypes)}); "
                "remove it, or choose laws for it"
            )
    tried = {case.dtype for case in cases}
    for dtype in plan.dtypes:
        if dtype not in tried:
            raise Mistake(f"none of the implementations declares {dtype}; remove --dtype {dtype}")


def _within(dtypes: Sequence[str]) -> str:
    return f" in {' or '.join(dtypes)}" if dtypes else ""


def find_targets(addresses: Iterable[str], *, hosted: bool = False, seconds: float | None = None) -> list[Target]:
    """The implementations at each address (commas separate several). Raises ContractError or Mistake.

    hosted: whether each is imported and called in a process of its own. seconds: that importing it there may take.
    """
    from ..adapters.arrays import check_device
    from ..adapters.finding import addresses_in, find
    from .hosts.describing import hosted_at
    from .hosts.program import is_program
    from .operations import load_installed

    load_installed()
    found: dict[str, Target] = {}
    for address in addresses_in(addresses):
        for made in hosted_at(address, seconds) if hosted or is_program(address) else find(address):
            _check_operation(made)
            _check_arithmetic(made)
            if made.host is None:
                check_device(made)
            target = Target(_own_address(address, made), made, asked=address)
            other = found.setdefault(made.name, target)
            if other.address != target.address:
                raise Mistake(
                    f"{other.address} and {target.address} are both called {made.name!r}; give one another name with "
                    "@attnspec.implementation(name=…)"
                )
    if not found:
        raise Mistake("no implementation was named")
    return list(found.values())


def _check_operation(made: Implementation) -> None:
    """What the spec states and nothing computes is found before anything runs, and never taken for another operation."""
    from .operations import UnknownOperation, operation_named

    try:
        operation_named(made.operation)
    except UnknownOperation as error:
        hint = "" if made.host is None else "; where importing the kernel registers it, say so with attnspec --with FILE run …"
        raise Mistake(f"{made.name}: {error}{hint}") from None


def _check_arithmetic(made: Implementation) -> None:
    """The contract knows no arithmetic, the reference does: a misspelt one is found before anything runs."""
    from ..adapters.contract import ContractError
    from ..reference.arithmetic import arithmetic_for

    for dtype in made.dtypes:
        try:
            arithmetic_for(made.arithmetic, dtype)
        except (ValueError, TypeError) as error:
            raise ContractError(f"{made.name}: {error}") from None


def choose_laws(
    patterns: Iterable[str] = (), *, profile: str | None = None, files: Iterable[Path | str] = (), short: bool = False
) -> list[Law]:
    """The laws of the spec and of extra files that a profile holds and a glob matches.

    short: of those of the spec, only those that are on the shortlist for some implementation.
    Raises Mistake for an unknown profile or a glob that matches nothing, SpecError for a broken file.
    """
    from ..spec.operations import law_files
    from .language import SpecError, load_laws, profiles, select
    from .language.loading import shortlist
    from .operations import load_installed

    load_installed()
    extra = [Path(file) for file in files]
    laws = load_laws([*law_files(), *extra]) if extra else load_laws()
    if profile is not None:
        known = profiles()
        if profile not in known:
            raise Mistake(f"unknown profile {profile!r}; known: {', '.join(known)}")
        laws = [law for law in laws if known[profile].contains(law.id)]
    if short:
        laws = [law for law in laws if law.id in shortlist() or not law.shipped]
    chosen = tuple(patterns)
    if chosen:
        try:
            laws = select(laws, chosen)
        except SpecError as error:
            raise Mistake(str(error) + (f" in the profile {profile}" if profile else "")) from None
    if not laws:
        raise Mistake(f"the profile {profile!r} holds no law" if profile else "the spec holds no law")
    return laws


def choose_budget(name: str, *, examples: int | None = None, timeout: float | None = None) -> Budget:
    """A named budget with its numbers of problems or its timeout (seconds a case) replaced. Raises Mistake."""
    from .engine.budget import BUDGETS

    if name not in BUDGETS:
        raise Mistake(f"unknown budget {name!r}; known: {', '.join(BUDGETS)}")
    for what, value in (("examples", examples), ("timeout", timeout)):
        if value is not None and value <= 0:
            raise Mistake(f"{what} must be greater than 0, not {value}")
    budget = BUDGETS[name] if examples is None else BUDGETS[name].with_examples(examples)
    return budget if timeout is None else replace(budget, timeout=timeout)


def _shard(text: str | None) -> Shard | None:
    from .shards import Shard

    try:
        return None if text is None else Shard.parse(text)
    except ValueError as error:
        raise Mistake(str(error)) from None


def known_dtypes(given: str | Sequence[str] | None) -> tuple[str, ...]:
    """The dtypes that were asked for, each once; none for None. Raises Mistake for an unknown one."""
    from ..adapters.contract import DTYPES

    dtypes = (given,) if isinstance(given, str) else tuple(dict.fromkeys(given or ()))
    for dtype in dtypes:
        if dtype not in DTYPES:
            raise Mistake(f"unknown dtype {dtype!r}; known: {', '.join(DTYPES)}")
    return dtypes


def _own_address(address: str, made: Implementation) -> str:
    """The address of one implementation among those that an address names together."""
    if ":" in address:  # A program, an attribute of a module or file.
        return address
    return f"{address}:{made.name}" if address.endswith(".py") else made.name
