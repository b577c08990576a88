"""Ways to be green without being right, each a kernel whose answers are wrong, or that does what no kernel may.

A way is judged as any kernel is. Those that cannot be told from a right kernel by its answers alone say why.
"""

from . import answers, declared, harness, inputs, kept, later, memory, times  # noqa: F401
from .way import WAYS, Way, right

__all__ = ["WAYS", "Way", "right"]
