"""Certificates of tests are kept in a folder of their own."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which certificates are kept."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("ATTNSPEC_CACHE", str(folder))
    return folder
