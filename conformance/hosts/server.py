"""The judge's side of the process that hosts are forked from: one for each framework, started when it is first needed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Sequence

from ..remembered import at_the_end

__all__ = ["ENDED", "LONGEST", "PROCESS", "Process", "close_servers", "start"]

PROCESS, ENDED, LONGEST = struct.Struct("<q"), struct.Struct("<?q"), 1 << 14
"""A process; whether one has ended, and its exit code, negative where a signal ended it; the longest question in bytes."""

GOING = 2.0
"""Seconds in which a killed process is gone."""


class Process:
    """A host as a process."""

    def __init__(self, server: Server, pid: int) -> None:
        self._server, self.pid = server, pid
        self._ended: int | None = None

    def exit_code(self) -> int | None:
        """How it ended, negative where a signal ended it; None while it lives."""
        if self._ended is None:
            over, code = self._server.asked(b"w" + PROCESS.pack(self.pid), ENDED)
            self._ended = code if over else None
        return self._ended

    def end(self, wanted: int = signal.SIGKILL) -> None:
        """Send a signal to it and all that it started."""
        for send in (os.killpg, os.kill):
            if self._ended is None or send is os.killpg:
                with contextlib.suppress(OSError):
                    send(self.pid, wanted)

    def gone(self) -> int | None:
        """End it, and how it ended."""
        self.end()
        until = time.monotonic() + GOING
        while (code := self.exit_code()) is None and time.monotonic() < until:
            time.sleep(0.001)
        return code


class Server:
    """One such process."""

    def __init__(self, framework: str) -> None:
        self._control, theirs = socket.socketpair()
        command = [sys.executable, "-m", "attnspec.conformance.hosts", framework]
        with theirs:
            self._process = subprocess.Popen(
                command, stdin=theirs.fileno(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )

    def fork(self, line: int, shared: int, prints: int, command: Sequence[str] = ()) -> Process:
        """A new host, which has the descriptors. command: the program that it becomes, and its arguments."""
        socket.send_fds(self._control, [b"f" + json.dumps(list(command)).encode()], [line, shared, prints])
        return Process(self, self._answer(PROCESS)[0])

    def asked(self, question: bytes, form: struct.Struct) -> tuple[bool, int]:
        """What it answers of a process. One that is gone itself has taken all with it."""
        try:
            self._control.sendall(question)
            over, code = self._answer(form)
        except OSError:
            return True, -signal.SIGKILL
        return bool(over), code

    def _answer(self, form: struct.Struct) -> tuple[int, ...]:
        got = b""
        while len(got) < form.size:
            part = self._control.recv(form.size - len(got))
            if not part:
                raise ConnectionError("the process that hosts are forked from is gone")
            got += part
        return form.unpack(got)

    def alive(self) -> bool:
        """Whether it still is there."""
        return self._process.poll() is None

    def close(self) -> None:
        """End it, and with it all hosts that it has."""
        self._control.close()
        try:
            self._process.wait(GOING)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


_SERVERS: dict[tuple[int, str], Server] = {}
"""By process, because one that was forked from this one has none, and by framework."""


def start(framework: str, line: int, shared: int, prints: int, *, command: Sequence[str] = ()) -> Process:
    """A new host that has a framework imported. line, shared, prints: descriptors that it gets. command: as in `fork`."""
    key = (os.getpid(), framework)
    for attempt in (1, 2):
        if key not in _SERVERS or not _SERVERS[key].alive():
            _SERVERS[key] = Server(framework)
        try:
            return _SERVERS[key].fork(line, shared, prints, command)
        except OSError:
            _SERVERS.pop(key).close()
            if attempt == 2:
                raise
    raise AssertionError


@at_the_end
def close_servers() -> None:
    """End the processes that hosts of this process are forked from, and with them the hosts."""
    for key in [key for key in _SERVERS if key[0] == os.getpid()]:
        _SERVERS.pop(key).close()
