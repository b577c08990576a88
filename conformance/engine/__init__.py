"""One engine behind every front door: verify(implementation, law, dtype, budget=…) gives a Result."""

from .budget import BUDGETS, Budget
from .conventions import settled
from .result import VERDICTS, Result
from .verify import replay, verify

__all__ = ["BUDGETS", "VERDICTS", "Budget", "Result", "replay", "settled", "verify"]
