"""One engine behind every front door: try_law(implementation, law, dtype, budget=…) gives a Result."""

from .budget import BUDGETS, Budget
from .conventions import settled
from .result import VERDICTS, Result
from .verify import replay_case, try_law

__all__ = ["BUDGETS", "VERDICTS", "Budget", "Result", "replay_case", "settled", "try_law"]
