"""The report as one HTML file: it is opened from a disk or a server, mailed, or kept beside a build, and needs nothing else."""

from .page import html_page

__all__ = ["html_page"]
