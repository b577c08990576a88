"""How an implementation is called: in this process, or in a host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from ...adapters.arrays import Arrays, NoGradient, arrays_for
from ...adapters.contract import Implementation
from ...adapters.first_use import FirstUse, first_use
from ..hosts.raised import Raised
from .call_clock import timed_call
from .interruption import asked_to_stop

__all__ = ["Calls", "calls_of"]


class Calls(Protocol):
    """The calls of one implementation. `arrays`: how what is given is made and watched, and what comes is read.

    made: the implementation. arguments, options, upstream: made by `arrays`. features: D, from which a default scale follows.
    """

    arrays: Any

    def forward(self, made: Implementation, arguments: Sequence[Any], options: Mapping[str, Any], features: int) -> Any:
        """What a call returns. Raises Raised for what it raises, but for SystemExit."""
        ...

    def backward(
        self, made: Implementation, upstream: Any, arguments: Sequence[Any], options: Mapping[str, Any], features: int
    ) -> Any:
        """What its own backward pass returns, or that of its framework. Raises NoGradient, and as `forward` does."""
        ...

    def first_use(
        self, made: Implementation, names: Sequence[str], arguments: Sequence[Any], options: Mapping[str, Any], features: int
    ) -> FirstUse | None:
        """How the arguments, by their names, are first combined; None where no two of them are seen to meet."""
        ...

    def supports(self, made: Implementation, p: Any) -> str | None:
        """Why it refuses a problem, or None. Raises Raised for what `supports` raises."""
        ...

    def compilations(self) -> int:
        """How many programs its framework has compiled, from when this was first asked; 0 where it does not count."""
        ...


class InThisProcess:
    """Calls of functions that are here."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.arrays: Arrays = arrays_for(kind)

    def forward(self, made: Implementation, arguments: Sequence[Any], options: Mapping[str, Any], features: int) -> Any:
        keywords = made.keywords.of(options, features)
        try:
            with np.errstate(), timed_call():  # What a call sets it does not leave behind.
                return made.function(*arguments, **keywords)
        except BaseException as error:
            if _is_for_the_run(error):
                raise
            raise Raised.by(error) from error

    def backward(
        self, made: Implementation, upstream: Any, arguments: Sequence[Any], options: Mapping[str, Any], features: int
    ) -> Any:
        keywords = made.keywords.of(options, features)
        try:
            with np.errstate(), timed_call():
                if callable(made.backward):
                    return made.backward(upstream, *arguments, **keywords)
                return self.arrays.gradients(made.function, list(arguments), keywords, upstream)
        except NoGradient:
            raise
        except BaseException as error:
            if _is_for_the_run(error):
                raise
            raise Raised.by(error) from error

    def first_use(
        self, made: Implementation, names: Sequence[str], arguments: Sequence[Any], options: Mapping[str, Any], features: int
    ) -> FirstUse | None:
        arrays = dict(zip(names, arguments, strict=True))
        with np.errstate(), timed_call():
            return first_use(made.arrays, made.function, arrays, made.keywords.of(options, features))

    def supports(self, made: Implementation, p: Any) -> str | None:
        try:
            return None if made.supports is None else made.supports(p)
        except Exception as error:
            raise Raised.by(error) from error

    def compilations(self) -> int:
        return self.arrays.compilations()


def calls_of(made: Implementation) -> Calls:
    """How it is called."""
    calls: Calls = made.host if made.host is not None else InThisProcess(made.arrays)
    return calls


def _is_for_the_run(error: BaseException) -> bool:
    """Whether an exception of a call is not the implementation's: somebody stops the run. sys.exit has its own verdict."""
    return isinstance(error, SystemExit) or (isinstance(error, KeyboardInterrupt) and asked_to_stop())
