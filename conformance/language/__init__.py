"""The law language: YAML files that are checked against a schema, and equations over a closed vocabulary.

A law file is data from strangers. Nothing in it is executed as Python, and whatever the language does not know is an
error at load time, with file, line and the nearest known word.
"""

from .errors import SpecError
from .law import Law, Profile
from .loading import load_laws, profiles, select

__all__ = ["Law", "Profile", "SpecError", "load_laws", "profiles", "select"]
