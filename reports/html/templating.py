"""The templates of the page: Python says what is to be read, templates say how it is written, and nobody escapes by hand.

Whatever a template inserts is escaped, because a law, a kernel or a baseline says it, and anybody may have written those.
What is inserted as it stands, in `page.html` alone, is what the page ships, and data in which no text can end its element.
What a template asks for and nobody gave is an error.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

__all__ = ["environment", "written"]


@cache
def environment() -> Environment:
    """Made once. A template does not change while somebody reports, so it is read once too."""
    return Environment(
        loader=PackageLoader(__package__, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def written(template: str, **said: Any) -> str:
    """What a template of the folder makes of some data, which that of a section knows as `said`.

    Raises jinja2.UndefinedError where it asks for more.
    """
    return environment().get_template(template).render(said)
