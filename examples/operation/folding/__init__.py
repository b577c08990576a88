"""An operation that has nothing of attention, in a folder of its own: the kit is not edited for it."""

from pathlib import Path

from attnspec.conformance.operations import register

from . import words  # noqa: F401
from .operation import FOLDING

register(FOLDING, Path(__file__).parent)
