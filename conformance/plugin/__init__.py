"""The pytest plugin: laws are collected as tests.

It is loaded in every pytest run of everyone who has attnspec installed, so it must be small, and must not stand in the
way: its options are called --attnspec-…, and the short names (--impl, --budget, …) exist only in runs that use them, and
only where no conftest has taken them. Everything else is imported when an implementation is given.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

SPEC = Path(__file__).resolve().parents[2] / "spec"
OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "impl": ("implementation(s) to hold the laws of attnspec against", {"action": "append", "default": []}),
    "budget": ("how much to try: quick, standard, deep, long", {"default": "quick"}),
    "profile": ("only the laws of this profile", {"default": None}),
    "laws": ("only the laws whose id matches this glob (repeatable)", {"action": "append", "default": []}),
    "laws-file": ("a file of further laws (repeatable)", {"action": "append", "default": []}),
    "dtype": ("only this dtype (repeatable)", {"action": "append", "default": []}),
    "examples": ("problems a law, instead of the budget's", {"type": int, "default": None}),
}
LONG_ONLY: dict[str, tuple[str, dict[str, Any]]] = {
    "device": ("where PyTorch, Triton and JAX compute, as cpu or cuda", {"default": None}),
    "seed": ("seed of every problem", {"type": int, "default": 0}),
    "timeout": ("seconds for each law on each implementation and dtype, instead of the budget's", {"type": float}),
    "shard": ("only part I of N of the run, as 2/3", {"default": None}),
    "out": ("folder for the results as they come, and report.json", {"default": None}),
    "baseline": ("YAML file of known failures (repeatable)", {"action": "append", "default": []}),
    "certificate": ("which known faults each pass would have caught", {"action": "store_true", "default": False}),
    "strict": ("every exception is an error, none a refusal", {"action": "store_true", "default": False}),
    "in-process": ("call kernels in the process that judges them", {"action": "store_true", "default": False}),
    "first": ("leave an implementation at its first finding", {"action": "store_true", "default": False}),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("attnspec", "laws of attention (with --impl also without the prefix attnspec-)")
    for name, (about, how) in (OPTIONS | LONG_ONLY).items():
        group.addoption(f"--attnspec-{name}", dest=_dest(name), help=about, **how)


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> Generator[None, None, None]:
    yield
    if any(arg.split("=")[0] in ("--impl", "--attnspec-impl") or arg.startswith("attnspec.spec") for arg in args):
        group = parser.getgroup("attnspec")
        for name, (_, how) in OPTIONS.items():
            try:
                group.addoption(f"--{name}", dest=_dest(name), help=f"--attnspec-{name}", **how)
            except ValueError:  # A conftest or another plugin has this name; the long one remains.
                continue


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption(_dest("impl")):
        from .session import LawSession

        config.pluginmanager.register(LawSession(config), "attnspec-session")
    elif any(_is_spec(arg) for arg in config.args):
        raise pytest.UsageError("attnspec: name what the laws are to be held against, for instance --impl numpy")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> None:
    """`assert attnspec.check(fn)` says what is wrong, on lines of its own, where pytest would show the repr of a report."""
    checking = sys.modules.get("attnspec.conformance.check")
    if checking is not None and call.excinfo is not None:
        text = checking.explained(call.excinfo.value)
        if text is not None:
            call.excinfo.value.args = (text,)


def _dest(name: str) -> str:
    return "attnspec_" + name.replace("-", "_")


def _is_spec(argument: str) -> bool:
    """Whether a command-line argument asks for the spec itself, not for a folder that happens to hold it."""
    place = argument.split("::")[0]
    if place == "attnspec.spec" or place.startswith("attnspec.spec."):
        return True
    path = Path(place).resolve()
    return path == SPEC or SPEC in path.parents
