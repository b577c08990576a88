"""The closed vocabulary of the law language.

Words are small and general, and several laws use each. A word that would hide a whole test in Python is a law not yet said.
Installed packages add words through the entry-point group `attnspec.words` (a module that registers them on import).
"""

from __future__ import annotations

from functools import cache

from ...spec.operations import operations
from ..operations import load_parts
from . import combiners, gradients, heads, keys, meanings, observations, queries, transforms
from .word import CONSTANTS, WORDS, Constant, Pair, Undecided, Word, word

__all__ = ["CONSTANTS", "WORDS", "Constant", "Pair", "Undecided", "Word", "load_installed_words", "option_types", "word"]

GROUPS = (transforms, queries, keys, heads, observations, gradients, meanings, combiners)
"""The words of every operation over heads. Those of one operation stand in its folder, and are found there."""

load_parts("words")


@cache
def load_installed_words() -> None:
    """Import the modules that installed packages name in the entry-point group `attnspec.words`."""
    from importlib.metadata import entry_points

    from ..language.errors import SpecError

    for entry in entry_points(group="attnspec.words"):
        try:
            entry.load()
        except Exception as error:
            owner = entry.dist.name if entry.dist is not None else "an installed package"
            raise SpecError(
                f"the words {entry.value!r} of {owner} cannot be loaded: {type(error).__name__}: {error}"
            ) from error


def option_types(operation: str) -> dict[str, str]:
    """What `but(p, …)` can set, by name: the options of an operation with their type in its operation.yaml, and memory."""
    options = operations()[operation]["options"]
    return {name: option["type"] for name, option in options.items()} | {"memory": "memory"}
