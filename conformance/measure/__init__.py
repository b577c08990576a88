"""What can be learnt of an implementation from outside: its arithmetic, read off the answers that it gives."""

from .sentences import readings

__all__ = ["readings"]
