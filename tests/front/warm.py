"""A process that has loaded the kit and forks for each command line, so that what a command does is its own and only loading
is shared. Half of the time of a short command is loading.

It reads one command a line as JSON and answers with two lines: the child, and how it ended. Run by conftest.py.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import runpy
import sys
from typing import Any

MODULES = ("attnspec.cli", "attnspec._run", "attnspec.adapters.finding", "_pytest.config", "xdist.plugin", "pytest_timeout")
PACKAGES = ("attnspec.reference", "attnspec.conformance", "attnspec.reports")
"""What a command may load. No framework is among it: frameworks start threads, and a fork has none of them."""

MAINS = ("__main__", "browser")
"""Modules that run when they are imported, and those that need what need not be installed."""


def load() -> None:
    for name in (
        "attnspec.cli",
        "attnspec._run",
        "attnspec.adapters.finding",
        "_pytest.config",
        "xdist.plugin",
        "pytest_timeout",
    ):
        importlib.import_module(name)
    for package in map(importlib.import_module, PACKAGES):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name.rpartition(".")[2] not in MAINS:
                importlib.import_module(module.name)


def become(asked: dict[str, Any]) -> None:
    """Be the process of a command: its folder, environment, arguments and streams; ends with its exit code."""
    os.setsid()
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    streams = [os.open(os.devnull, os.O_RDONLY), os.open(asked["out"], flags), os.open(asked["err"], flags)]
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 - the one before holds commands that are not this one's
    module, *sys.argv = asked["arguments"]
    sys.argv.insert(0, module)
    sys.path[0] = asked["cwd"]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def main() -> None:
    load()
    for line in sys.stdin:
        child = os.fork()
        if not child:
            become(json.loads(line))
            return
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
