"""The report in the forms in which other tools take it: each a function of the report alone, that gives one text."""

from .files import FILES, FORMATS, UnknownProfile, rendered, write_formats

__all__ = ["FILES", "FORMATS", "UnknownProfile", "rendered", "write_formats"]
