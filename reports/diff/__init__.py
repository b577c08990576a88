"""Two reports side by side: the comparison as data, and shown as text and as Markdown."""

from .compare import compare
from .markdown import diff_markdown
from .text import diff_text

__all__ = ["compare", "diff_markdown", "diff_text"]
