"""Ways to be green without being right, each a kernel whose answers are wrong, or that does what no kernel may.

A way is judged as any kernel is. Those that cannot be told from a right kernel by its answers alone say why.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import pickle
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["WAYS", "Way", "right"]

Kernel = Callable[..., Any]


@dataclass(frozen=True)
class Way:
    """One way. make: makes the kernel anew, as it is before its first call. beyond: why no answer tells it from a right kernel,
    empty where the laws reject it. declared: what its author declares besides.
    """

    name: str
    about: str
    make: Callable[[], Kernel]
    beyond: str = ""
    declared: dict[str, Any] = field(default_factory=dict)


WAYS: dict[str, Way] = {}


def way(name: str, about: str, beyond: str = "", **declared: Any) -> Callable[[Callable[[], Kernel]], Callable[[], Kernel]]:
    """Register what makes a kernel as a way."""

    def kept(make: Callable[[], Kernel]) -> Callable[[], Kernel]:
        assert name not in WAYS, name
        WAYS[name] = Way(name, about, make, beyond, declared)
        return make

    return kept


def right(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
    """The textbook, in float64, rounded once."""
    dtype = q.dtype
    q, k, v = (x.astype(np.float64) for x in (q, k, v))
    k, v = (np.repeat(x, q.shape[1] // x.shape[1], axis=1) for x in (k, v))
    scores = q @ k.swapaxes(-1, -2) * (q.shape[-1] ** -0.5 if scale is None else scale)
    if causal:
        scores = np.where(np.arange(k.shape[2]) <= np.arange(q.shape[2])[:, None], scores, -np.inf)
    with np.errstate(all="ignore"):
        odds = np.exp(scores - scores.max(axis=-1, keepdims=True, initial=-1e300))
        out = odds / odds.sum(axis=-1, keepdims=True) @ v if k.shape[2] else np.zeros((*q.shape[:3], v.shape[3]))
    return out.astype(dtype)


def zeros(q: Any, v: Any) -> Any:
    return np.zeros((*q.shape[:3], v.shape[3]), q.dtype)


def simply(name: str, about: str, answer: Kernel, beyond: str = "") -> None:
    """A way that is a function of the arrays."""

    def make() -> Kernel:
        def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
            return answer(q, k, v, causal, scale)

        return attend

    way(name, about, beyond)(make)


# Answers that are no attention

simply("zeros", "returns zeros", lambda q, k, v, causal, scale: zeros(q, v))
simply("ones", "returns ones", lambda q, k, v, causal, scale: zeros(q, v) + q.dtype.type(1))
simply("NaN", "returns NaN", lambda q, k, v, causal, scale: zeros(q, v) + q.dtype.type(np.nan))
simply("infinities", "returns infinities", lambda q, k, v, causal, scale: zeros(q, v) + q.dtype.type(np.inf))
simply(
    "noise",
    "returns numbers of the right size",
    lambda q, k, v, causal, scale: np.random.default_rng(0).standard_normal(zeros(q, v).shape).astype(q.dtype),
)


def repeated(q: Any, x: Any) -> Any:
    return np.repeat(x, q.shape[1] // x.shape[1], axis=1)


simply(
    "mean of V",
    "returns the mean of V",
    lambda q, k, v, causal, scale: (zeros(q, v) + repeated(q, v).astype(np.float64).mean(axis=2, keepdims=True)).astype(
        q.dtype
    ),
)
simply(
    "last value",
    "returns the last row of V",
    lambda q, k, v, causal, scale: (zeros(q, v) + repeated(q, v)[:, :, -1:]).astype(q.dtype),
)
simply(
    "running mean of V",
    "returns the mean of the rows of V up to each query",
    lambda q, k, v, causal, scale: right(0 * q, k, v, causal=causal, scale=1.0),
)
simply(
    "best key alone",
    "returns the value of the key with the largest score",
    lambda q, k, v, causal, scale: right(q, k, v, causal=causal, scale=1e4 if scale is None else 1e4 * scale),
)
simply(
    "rounded away",
    "computes with inputs that it rounded to eight bits",
    lambda q, k, v, causal, scale: right(
        *((np.round(x * 16) / 16).astype(x.dtype) for x in (q, k, v)), causal=causal, scale=scale
    ),
)

# Memory


def uninitialised() -> Kernel:
    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
        return np.empty((*q.shape[:3], v.shape[3]), q.dtype)

    return attend


way("uninitialised memory", "returns memory that it never wrote")(uninitialised)


@way("memory of an answer", "computes in memory that it lets go, and returns fresh memory of the same size")
def _freed() -> Kernel:
    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
        right(q, k, v, causal=causal)  # Of another scale than was asked for.
        return np.empty((*q.shape[:3], v.shape[3]), q.dtype)

    return attend


@way("writes into its queries", "scales its queries in place")
def _in_place() -> Kernel:
    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
        out = right(q, k, v, causal=causal, scale=scale)
        q *= q.dtype.type(0.5)
        return out

    return attend


@way("writes into its values", "leaves zeros in V")
def _empties_values() -> Kernel:
    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
        out = right(q, k, v, causal=causal, scale=scale)
        v[...] = 0
        return out

    return attend


@way("returns its queries", "returns the array of its queries, where the shape is that of an output")
def _returns_input() -> Kernel:
    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
        return q if q.shape[3] == v.shape[3] else zeros(q, v)

    return attend


@way("answers into its queries", "writes the right answer over its queries and returns them")
def _answers_into_input() -> Kernel:
    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
        out = right(q, k, v, causal=causal, scale=scale)
        if q.shape != out.shape:
            return out
        q[...] = out
        return q

    return attend


@way(
    "one buffer",
    "returns the same memory from every call, so that an answer changes when the next one is asked for",
    beyond="an answer is read when it is returned, and no law looks at it again after another call",
)
def _one_buffer() -> Kernel:
    buffer = np.zeros(1 << 22)

    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
        out = right(q, k, v, causal=causal, scale=scale)
        kept = buffer.view(out.dtype)[: out.size].reshape(out.shape)
        kept[...] = out
        return kept

    return attend


# Answers that are kept


def cached(name: str, about: str, key: Callable[..., Any], beyond: str = "") -> None:
    """A way that computes once for each key, and answers from memory after that."""

    def make() -> Kernel:
        kept: dict[Any, Any] = {}

        def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
            place = key(q, k, v, causal, scale)
            if place not in kept:
                kept[place] = right(q, k, v, causal=causal, scale=scale)
            return kept[place].copy()

        return attend

    way(name, about, beyond)(make)


def shape(q: Any, v: Any) -> Any:
    return (*q.shape[:3], v.shape[3]), q.dtype


cached(
    "cache by shape",
    "answers as it did for the first call of the same shapes",
    lambda q, k, v, c, s: (shape(q, v), k.shape, c, s),
)
cached(
    "cache by address",
    "answers as it did when an array lay at the same address",
    lambda q, k, v, c, s: (shape(q, v), k.shape, q.ctypes.data, k.ctypes.data, v.ctypes.data, c, s),
)
cached(
    "cache by object",
    "answers as it did for an object of the same id",
    lambda q, k, v, c, s: (shape(q, v), k.shape, id(q), c, s),
)
cached(
    "cache by queries",
    "answers as it did for the same queries",
    lambda q, k, v, c, s: (shape(q, v), k.shape, q.tobytes(), c, s),
)
cached(
    "cache by queries and keys",
    "answers as it did for the same queries and keys",
    lambda q, k, v, c, s: (shape(q, v), q.tobytes(), k.tobytes(), c, s),
)
cached(
    "cache without options",
    "answers as it did for the same arrays, whatever the options",
    lambda q, k, v, c, s: (shape(q, v), q.tobytes(), k.tobytes(), v.tobytes()),
)
cached(
    "cache without scale",
    "answers as it did for the same arrays and causality, whatever the scale",
    lambda q, k, v, c, s: (shape(q, v), q.tobytes(), k.tobytes(), v.tobytes(), c),
)
cached(
    "cache by a sample",
    "answers as it did where the first and last numbers of all arrays were the same",
    lambda q, k, v, c, s: (shape(q, v), k.shape, c, s, *(x.ravel()[i] for x in (q, k, v) if x.size for i in (0, -1))),
)
cached(
    "cache by sums",
    "answers as it did where the sums of all arrays were the same",
    lambda q, k, v, c, s: (shape(q, v), k.shape, c, s, *(float(np.abs(x.astype(np.float64)).sum()) for x in (q, k, v))),
)


@way("cache on disk", "answers as a file says that it did for the same queries")
def _on_disk() -> Kernel:
    folder = Path(tempfile.mkdtemp(prefix="kept-answers-"))

    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
        name = hashlib.sha256(q.tobytes() + repr((q.shape, k.shape, v.shape, causal, scale)).encode()).hexdigest()
        file = folder / name
        if not file.exists():
            file.write_bytes(pickle.dumps(right(q, k, v, causal=causal, scale=scale)))
        return pickle.loads(file.read_bytes())

    return attend


@way("the answer before", "answers with the answer of the call before, where the shape is the same")
def _one_behind() -> Kernel:
    last: list[Any] = [None]

    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
        out = right(q, k, v, causal=causal, scale=scale)
        before, last[0] = last[0], out
        return out if before is None or before.shape != out.shape or before.dtype != out.dtype else before

    return attend


# Right at times


def sometimes(name: str, about: str, wrong: Callable[[int], bool], beyond: str = "") -> None:
    """A way that is wrong on some calls, counted from 0."""

    def make() -> Kernel:
        calls = count()

        def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
            return zeros(q, v) if wrong(next(calls)) else right(q, k, v, causal=causal, scale=scale)

        return attend

    way(name, about, beyond)(make)


sometimes("wrong at first", "its first answers are zeros, as before a cache is warm", lambda n: n < 8)
sometimes("right at first", "its first twenty answers are right", lambda n: n >= 20)
sometimes("every other", "every other answer is right", lambda n: n % 2 == 1)
sometimes("now and then", "one answer in fifty is wrong", lambda n: n % 50 == 49)
sometimes(
    "right as long as it is watched",
    "its first million answers are right",
    lambda n: n >= 1_000_000,
    beyond="a run makes fewer calls than that, and all of its answers are right",
)


@way(
    "right at that hour",
    "is right while a clock says so",
    beyond="all the answers that it gives in the run are right; run it again, elsewhere and at another time",
)
def _by_the_clock() -> Kernel:
    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
        return right(q, k, v, causal=causal, scale=scale) if time.time() < 4e9 else zeros(q, v)

    return attend


# Right for what looks like a test


def unless(name: str, about: str, wrong: Callable[..., bool], beyond: str = "") -> None:
    """A way that gives zeros for some inputs."""

    def make() -> Kernel:
        def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
            seen = bool(wrong(q.astype(np.float64), k.astype(np.float64), v.astype(np.float64), causal, scale))
            return zeros(q, v) if seen else right(q, k, v, causal=causal, scale=scale)

        return attend

    way(name, about, beyond)(make)


def largest(x: Any) -> float:
    return float(np.nanmax(np.abs(x), initial=0.0))


unless(
    "right unless poisoned",
    "is wrong where K or V has huge numbers",
    lambda q, k, v, c, s: largest(k) > 1e3 or largest(v) > 1e3,
)
unless("right unless small", "is wrong where all values are small", lambda q, k, v, c, s: largest(v) < 0.5)
unless(
    "right for random numbers", "is wrong where queries are whole numbers", lambda q, k, v, c, s: bool((q == np.round(q)).all())
)
unless("right for short rows", "is wrong from 32 keys on", lambda q, k, v, c, s: k.shape[2] >= 32)
unless(
    "right for one length",
    "is wrong where queries and keys have different lengths",
    lambda q, k, v, c, s: q.shape[2] != k.shape[2],
)
unless("right for one batch entry", "is wrong for more than one batch entry", lambda q, k, v, c, s: q.shape[0] > 1)
unless("right for equal heads", "is wrong for grouped heads", lambda q, k, v, c, s: q.shape[1] != k.shape[1])
unless("right for the default scale", "is wrong for every scale that is given", lambda q, k, v, c, s: s is not None)
unless(
    "wrong for one number",
    "is wrong where the first query begins with 0.123456789",
    lambda q, k, v, c, s: bool(q.size) and q.ravel()[0] == 0.123456789,
    beyond="no drawn problem holds that number; a law cannot try all inputs",
)


@way("right for laid-out arrays", "is wrong for arrays with gaps or turned axes")
def _contiguous() -> Kernel:
    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
        if all(x.flags.c_contiguous for x in (q, k, v)):
            return right(q, k, v, causal=causal, scale=scale)
        return zeros(q, v)

    return attend


@way("reads as if laid out", "reads memory from the first number on, whatever the strides")
def _ignores_strides() -> Kernel:
    def laid_out(x: Any) -> Any:
        inside = sum((n - 1) * abs(step) for n, step in zip(x.shape, x.strides, strict=True)) >= (x.size - 1) * x.itemsize
        if not x.size or x.flags.c_contiguous or not inside or min(x.strides) < 0:
            return x
        steps = [x.itemsize * int(np.prod(x.shape[i + 1 :])) for i in range(x.ndim)]
        return np.lib.stride_tricks.as_strided(x, x.shape, steps)

    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
        return right(*(laid_out(x) for x in (q, k, v)), causal=causal, scale=scale)

    return attend


# Answers that are not there yet


class Later(np.ndarray[Any, Any]):
    """An array that is computed when somebody converts it."""

    ready: Callable[[], Any]

    def __array_finalize__(self, obj: Any) -> None:
        self.ready = getattr(obj, "ready", lambda: None)

    def astype(self, *arguments: Any, **keywords: Any) -> Any:
        self.ready()
        return np.asarray(self).astype(*arguments, **keywords)


@way("a lazy subclass", "returns a subclass of an array that is zero until it is converted")
def _lazy() -> Kernel:
    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
        made = zeros(q, v).view(Later)
        made.ready = lambda: np.copyto(np.asarray(made), right(q, k, v, causal=causal, scale=scale))
        return made

    return attend


class Promise:
    """Something that is no array, and becomes one."""

    def __init__(self, compute: Callable[[], Any]) -> None:
        self.compute = compute

    def __array__(self, *arguments: Any, **keywords: Any) -> Any:
        return self.compute()


@way("a promise", "returns an object that becomes an array when it is asked to")
def _promise() -> Kernel:
    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
        return Promise(lambda: right(q, k, v, causal=causal, scale=scale))

    return attend


@way("a thread", "returns at once, and a thread writes the answer 20 ms later")
def _thread() -> Kernel:
    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
        made, out = zeros(q, v), right(q, k, v, causal=causal, scale=scale)

        def write() -> None:
            time.sleep(0.02)
            made[...] = out

        threading.Thread(target=write, daemon=True).start()
        return made

    return attend


# The harness


def frames() -> Iterator[Any]:
    frame = inspect.currentframe()
    while frame is not None:
        yield frame
        frame = frame.f_back


OWN = "it computes, with the kit's own code, what is due: its answers are right"


@way("reads the problem off the stack", "finds the problem in the frames of its caller and asks the reference", beyond=OWN)
def _off_the_stack() -> Kernel:
    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
        from attnspec.conformance.meaning import attended

        for frame in frames():
            p = frame.f_locals.get("p")
            if hasattr(p, "arrays") and p.arrays["q"].shape == q.shape:
                with np.errstate(all="ignore"):
                    return np.asarray(attended(p).out).astype(q.dtype)
        return zeros(q, v)

    return attend


@way("imports the reference", "calls the definition of the kit", beyond=OWN)
def _imports_the_reference() -> Kernel:
    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
        from attnspec.reference.attention.textbook import attention

        return attention(q, k, v, causal=causal, scale=scale).out.astype(q.dtype)

    return attend


WATCHED = "where nobody is watching no law is asked; run the kit inside of what is shipped, as its tests do"


@way("knows that it is tested by what is loaded", "is right only where the kit is loaded", beyond=WATCHED)
def _by_modules() -> Kernel:
    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
        return right(q, k, v, causal=causal, scale=scale) if "attnspec" in sys.modules else zeros(q, v)

    return attend


@way("knows that it is tested by its environment", "is right only under pytest or the kit's command", beyond=WATCHED)
def _by_environment() -> Kernel:
    def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
        told = "PYTEST_CURRENT_TEST" in os.environ or "attnspec" in " ".join(sys.argv)
        return right(q, k, v, causal=causal, scale=scale) if told else zeros(q, v)

    return attend


# What is declared


def promises_little(name: str, about: str, **arithmetic: Any) -> None:
    """Zeros, under an arithmetic that leaves room for them."""

    def make() -> Kernel:
        def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
            return zeros(q, v)

        return attend

    way(name, about, arithmetic={"float32": arithmetic})(make)


promises_little("an exponential that may be anything", "declares an error of 90 % of its exponential", u_exp=0.9, u_acc=0.5)
promises_little("small numbers may vanish", "declares that numbers below 10⁹ may come out as 0", least=1e9)
promises_little("sums may be anything", "declares sums of two bits", u_acc=0.25)
promises_little("a million splits", "declares that it adds a million parts", splits=10**6, u_acc=2.0**-8)


def takes_little(name: str, about: str, takes: Callable[[Any, Any, Any], bool]) -> None:
    """Zeros, for what it takes, and an exception for the rest."""

    def make() -> Kernel:
        def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
            if not takes(q, k, v):
                raise ValueError("not supported")
            return zeros(q, v)

        return attend

    way(name, about)(make)


takes_little("takes nothing", "raises for everything", lambda q, k, v: False)
takes_little("takes one key", "raises for more than one key, and returns zeros", lambda q, k, v: k.shape[2] == 1)
takes_little("takes zeros", "raises where V is not 0", lambda q, k, v: not v.any())


@way("supports nothing", "says of every problem that it does not support it", supports=lambda p: "not today")
def _supports_nothing() -> Kernel:
    return lambda q, k, v: zeros(q, v)
