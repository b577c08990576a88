"""A process that has loaded the kit and forks for each command line, so that what a command does is its own and only loading
is shared. Half of the time of a short command is loading.

A command forks likewise for what it starts of the kit: the survey of a run, and the run of `attnspec ci`. Workers are
processes like a user's, and so is everything once a framework is loaded.

Who asks connects to its socket, sends a command as a line of JSON along with three open files, which are to be the streams of
the command, and is told in two lines the child and how it ended. Run by tests/conftest.py.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import runpy
import socket
import subprocess
import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import Any

MODULES = ("attnspec.cli", "attnspec._run", "attnspec.adapters.finding", "_pytest.config", "xdist.plugin", "pytest_timeout")
PACKAGES = ("attnspec.reference", "attnspec.conformance", "attnspec.reports")
"""What a command may load. No framework is among it: frameworks start threads, and a fork has none of them."""

MAINS = ("__main__", "browser")
"""Modules that run when they are imported, and those that need what need not be installed."""

FRAMEWORKS = {"torch", "triton", "jax"}
PLUGINS = ("attnspec.conformance.plugin", "xdist")
"""Packages that pytest wants to load itself, to rewrite their assertions."""


def load() -> None:
    for name in MODULES:
        importlib.import_module(name)
    for package in map(importlib.import_module, PACKAGES):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name.rpartition(".")[2] not in MAINS:
                importlib.import_module(module.name)
    importlib.import_module("attnspec.conformance.language").load_laws()
    gc.freeze()


def become(asked: dict[str, Any], streams: Sequence[int]) -> None:
    """Be the process of a command: its folder, environment, arguments and streams; ends with its exit code."""
    os.setsid()
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    module, *sys.argv = asked["arguments"]
    sys.argv.insert(0, module)
    sys.path[0] = asked["first"]
    if module == "pytest":
        for name in [name for name in sys.modules if f"{name}.".startswith(tuple(f"{plugin}." for plugin in PLUGINS))]:
            del sys.modules[name]
    if hasattr(subprocess, "_fork_exec"):
        subprocess._fork_exec = forking(subprocess._fork_exec)
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def forking(execute: Any) -> Any:
    """What subprocess starts a process with, changed: where that is the kit again, it is a fork."""

    def start(arguments: Sequence[Any], *how: Any) -> int:
        words = list(map(os.fsdecode, arguments))
        alone = words[1:2] == ["-P"]
        flag, module, *rest = [*words[2 if alone else 1 :], "", ""]
        if words[0] != sys.executable or flag != "-m" or module.partition(".")[0] != "attnspec" or FRAMEWORKS & {*sys.modules}:
            return int(execute(arguments, *how))
        with warnings.catch_warnings():
            # The other thread waits for this one, which starts a survey.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if not child:
            code = 1
            try:
                take_over(*how)
                if alone:
                    del sys.path[0]
                sys.argv = [module, *rest[:-2]]
                runpy.run_module(module, run_name="__main__", alter_sys=True)
                code = 0
            except SystemExit as ended:
                code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
            except BaseException:
                traceback.print_exc()
            finally:
                with contextlib.suppress(OSError):
                    sys.stdout.flush()
                os._exit(code)
        return child

    return start


def take_over(
    _0: Any, close: bool, kept: Any, folder: Any, environment: Any, read: int, _1: int, _2: int, out: int, _3: int, err: int,
    _4: int, _5: int, restore: bool, session: bool, *rest: Any,
) -> None:  # fmt: skip
    """What subprocess asks of a child before it executes: folder, environment, streams, and no other open file."""
    if session:
        os.setsid()
    if folder is not None:
        os.chdir(folder)
    if environment is not None:
        os.environ.clear()
        os.environb.update(line.split(b"=", 1) for line in environment)
    for number, stream in enumerate((read, out, err)):
        if stream != -1:
            os.dup2(stream, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, buffering, encoding="utf-8", closefd=False)  # noqa: SIM115 - streams of a process
        for number, mode, buffering in ((0, "r", -1), (1, "w", -1), (2, "w", 1))
    )


def main(place: str) -> None:
    load()
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(place)
        door.listen()
        while True:
            asks, _ = door.accept()
            text, streams, _, _ = socket.recv_fds(asks, 1 << 16, 3)
            while not text.endswith(b"\n"):
                text += asks.recv(1 << 16)
            child = os.fork()
            if not child:
                asks.close()
                door.close()
                become(json.loads(text), streams)
                return
            for stream in streams:
                os.close(stream)
            with asks, contextlib.suppress(OSError):
                asks.sendall(f"{child}\n".encode())
                asks.sendall(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n".encode())


if __name__ == "__main__":
    main(sys.argv[1])
