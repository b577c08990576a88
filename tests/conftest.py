"""What runs of this machine's user left behind may not change what a test sees."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True, scope="session")
def _no_kept_certificates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty folder instead of the user's, in this process; the doors' own processes get another."""
    before, folder = os.environ.get("ATTNSPEC_CACHE"), tmp_path_factory.mktemp("certificates")
    os.environ["ATTNSPEC_CACHE"] = str(folder)
    yield folder
    if before is None:
        del os.environ["ATTNSPEC_CACHE"]
    else:
        os.environ["ATTNSPEC_CACHE"] = before
