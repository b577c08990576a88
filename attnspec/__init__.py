"""attnspec: laws of attention in YAML that run, and a kit that holds implementations to them.

Importing this module must cost nothing: it stands at the top of kernels, and the pytest plugin of everyone who has it
installed loads it. So each name is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from .adapters.contract import ContractError, Implementation, implementation
    from .adapters.pointers import for_pointers
    from .conformance.bounded import Bounded
    from .conformance.check import Report, check, parametrize
    from .conformance.engine.result import Result
    from .conformance.explained import verify
    from .conformance.language import SpecError

__all__ = [
    "Bounded",
    "ContractError",
    "Implementation",
    "Report",
    "Result",
    "SpecError",
    "__version__",
    "check",
    "for_pointers",
    "implementation",
    "parametrize",
    "verify",
]

_HOME = {
    "Bounded": ".conformance.bounded",
    "ContractError": ".adapters.contract",
    "Implementation": ".adapters.contract",
    "Report": ".conformance.check",
    "Result": ".conformance.engine.result",
    "SpecError": ".conformance.language",
    "check": ".conformance.check",
    "for_pointers": ".adapters.pointers",
    "implementation": ".adapters.contract",
    "parametrize": ".conformance.check",
    "verify": ".conformance.explained",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'attnspec' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOME[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
