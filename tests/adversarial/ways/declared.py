"""Declarations that leave room for anything, or nothing to decide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .way import Kernel, way, zeros


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
