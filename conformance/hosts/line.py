"""The judge's end of a line to one host: questions, answers, and a clock for each."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

from ...reports.visible import visible
from ..remembered import at_the_end
from .messages import Channel, Garbled
from .server import Process
from .shared import new_file, read, write
from .wreckage import cause, frames, printed

__all__ = ["LAST_WORDS", "LOADING", "TIMES", "Ended", "Line"]

LOADING = 60.0
"""Seconds that loading an implementation may take."""

TIMES = 20
"""How much longer than every call before a call may take, if that is more than the limit."""

EVERY = 0.1
"""Seconds between two looks whether a host that does not answer still lives: a child of it may hold its end of the line."""

LAST_WORDS = 0.3
"""Seconds in which a process that is ended writes down where it was."""

KEPT = 1 << 14
"""Bytes that are kept of what a host prints, the last ones."""

ALIVE = 6
"""Hosts that a judge has at the same time; another one takes the place of the one that was not asked for longest."""

Launch = Callable[[int, int, int], Process]


class Ended(Exception):
    """A host ended, or was ended. The text says how; lines: what is known besides. hung: it gave no answer in time."""

    def __init__(self, text: str, lines: list[str], hung: bool = False, code: int | None = None) -> None:
        super().__init__(text)
        self.lines, self.hung, self.code = lines, hung, code


class Line:
    """A line to a host of one implementation, which is started when it is first asked something.

    A host that ended is not replaced before `renew`: until then each question gets the same answer, that it ended.
    """

    def __init__(
        self,
        launch: Launch,
        greet: Callable[[Callable[[Any, Any], Any]], str] | None = None,
        channel: Callable[[socket.socket], Channel] = Channel,
    ) -> None:
        """launch: starts the host, with its end of the line, the shared memory and where it prints. channel: how it speaks.

        greet: asks it, by a function of a message and the form of its answer, to load what it is the host of, and says why it
        does not, if so.
        """
        self.launch, self.greet, self.channel = launch, greet, channel
        self.limit = LOADING
        """Seconds that a call may take, in any case."""
        self.ended: Ended | None = None
        self._until = float("inf")
        self._longest = 0.0
        self._process: Process | None = None

    def renew(self, limit: float, together: float) -> None:
        """Have the next question answered by another host, if this one ended.

        limit, together: seconds that a call may take, and all from now on until this is said again.
        """
        self.ended, self.limit, self._until = None, limit, time.monotonic() + together
        if self._process is not None:
            self._drain(0.0)
            self._printed.clear()

    def said(self) -> list[str]:
        """What the host printed last since it was renewed, or started; nothing of one that ended, which said so itself."""
        if self._process is None:
            return []
        self._drain(0.0)
        return printed(visible(self._printed.decode("utf-8", "replace")))

    def ask(self, question: Any, given: bytes, form: Any, seconds: float | None = None) -> Any:
        """The answer to a question, of a form. given: what the shared memory begins with.

        seconds: that it may take, instead of the limit of a call. Raises Ended.
        """
        if self.ended is not None:
            raise self.ended
        if self._process is None:
            self._start()
        try:
            if given:
                self._lay(given)
            began = time.monotonic()
            answer = self._asked(question, form, seconds or max(self.limit, TIMES * self._longest))
            if seconds is None:
                self._longest = max(self._longest, time.monotonic() - began)
        except Ended as ended:
            self.ended = ended
            raise
        except BaseException:  # Somebody stops the judge between question and answer: the next answer would be the wrong one.
            self.close()
            raise
        return answer

    def _lay(self, given: bytes) -> None:
        try:
            write(self._shared, given)
        except OSError as error:
            raise self.give_up(f"got no arrays, for memory cannot be shared with it ({error.strerror})") from None

    def read(self, place: int, length: int) -> bytes:
        """Bytes of the shared memory, after a call. Raises Ended."""
        try:
            return read(self._shared, place, length)
        except Garbled as why:
            self.ended = self.give_up(f"answered nonsense ({why})")
            raise self.ended from None

    def stop(self, word: Any, seconds: float) -> None:
        """Tell the host to end by itself. Raises Ended where it does not in so many seconds, or with another code than 0."""
        if self._process is None:
            return
        process, until = self._process, time.monotonic() + seconds
        with contextlib.suppress(OSError):
            self._channel.send(word)
        while (code := process.exit_code()) is None and time.monotonic() < until:
            self._drain(0.005)
        if code != 0:
            raise self.give_up(
                "does not end when it is told to stop" if code is None else f"ended with exit code {code} at stop"
            )
        self.close()

    def close(self) -> None:
        """End the host, if there is one."""
        if self._process is not None:
            self._process.gone()
            self._process = None
            self._channel.end.close()
            os.close(self._prints)
            os.close(self._shared)
            _ALIVE.remove(self)

    def _start(self) -> None:
        for other in _ALIVE[: max(0, len(_ALIVE) + 1 - ALIVE)]:
            other.close()
        own, theirs = socket.socketpair()
        self._prints, theirs_prints = os.pipe()
        self._shared, self._printed = new_file(), bytearray()
        try:
            self._process = self.launch(theirs.fileno(), self._shared, theirs_prints)
        finally:
            theirs.close()
            os.close(theirs_prints)
        own.settimeout(LOADING)  # For a question that nobody takes; answers are waited for by another clock.
        self._channel = self.channel(own)
        _ALIVE.append(self)
        if self.greet is not None:
            try:
                mistake = self.greet(lambda question, form: self._asked(question, form, LOADING))
                if mistake:
                    raise self.give_up(f"could not be loaded: {mistake}")
            except Ended as ended:
                self.ended = ended
                raise

    def _asked(self, question: Any, form: Any, seconds: float) -> Any:
        _ALIVE.remove(self)
        _ALIVE.append(self)
        began = time.monotonic()
        until = min(began + seconds, max(self._until, began + LAST_WORDS))
        try:
            self._channel.send(question)
            answer = self._channel.receive(form, lambda: self._wait(until, until - began))
        except Garbled as why:
            raise self.give_up(f"answered nonsense ({why})") from None
        except OSError:
            answer = None
        if answer is None:
            raise self._wreck()
        return answer

    def _wait(self, until: float, seconds: float) -> None:
        """Until there is something to be read. Raises Ended where the time is over, or the host."""
        assert self._process is not None
        line, looked = self._channel.end.fileno(), time.monotonic()
        while True:
            left = until - time.monotonic()
            ready, _, _ = select.select([line, self._prints], [], [], max(0.0, min(EVERY, left)))
            if self._prints in ready:
                self._keep_prints()
            if line in ready:
                return
            if left <= 0:
                raise self._hang(seconds)
            if time.monotonic() - looked >= EVERY:
                looked = time.monotonic()
                if self._process.exit_code() is not None:
                    raise self._wreck()

    def _keep_prints(self) -> bool:
        """Keep the end of what was printed. Whether there was something: nothing comes where all have closed their end."""
        part = os.read(self._prints, 1 << 16)
        self._printed += part
        del self._printed[:-KEPT]
        if not part:
            time.sleep(0.001)  # The line tells the rest.
        return bool(part)

    def _drain(self, seconds: float) -> None:
        """Keep what is printed in so many seconds."""
        until = time.monotonic() + seconds
        while select.select([self._prints], [], [], max(0.0, until - time.monotonic()))[0]:
            if not self._keep_prints() or time.monotonic() > until:
                break

    def _hang(self, seconds: float) -> Ended:
        assert self._process is not None
        self._process.end(signal.SIGABRT)  # faulthandler writes the stack.
        self._process.end(signal.SIGCONT)
        self._drain(LAST_WORDS)
        return self.give_up(f"hung: no answer for {seconds:.0f} s", hung=True)

    def _wreck(self) -> Ended:
        assert self._process is not None
        for _ in range(20):  # The line is closed a moment before the process is gone.
            if self._process.exit_code() is not None:
                break
            time.sleep(0.01)
        code = self._process.exit_code()
        self._drain(0.0)
        if code is None:
            return self.give_up("closed its line to the judge")
        return self.give_up(f"crashed ({cause('host', code)})", code=code)

    def give_up(self, how: str, hung: bool = False, code: int | None = None) -> Ended:
        """End the host, and say it: how it ended, or what it did, as a clause of which it is the subject."""
        text = visible(self._printed.decode("utf-8", "replace"))
        self.close()
        stack, marked = text.find("Fatal Python error"), []
        if stack >= 0:
            text, marked = text[:stack], frames(text[stack:])
        return Ended(how, [*marked, *printed(text)], hung, code)


_ALIVE: list[Line] = []
"""Those that have a host, the one that was asked last at the end."""


@at_the_end
def _close_all() -> None:
    for line in list(_ALIVE):
        with contextlib.suppress(OSError):
            line.close()
