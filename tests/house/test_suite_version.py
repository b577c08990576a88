"""The suite has a version that people name, and it does not change unnoticed."""

from __future__ import annotations

from attnspec.reports.environment import spec_hash
from attnspec.spec.reading import spec_file


def test_the_version_stands_beside_the_hash_of_what_it_names() -> None:
    stated, found = spec_file("suite.yaml"), spec_hash()
    assert found["suite"] == stated["version"]
    assert found["spec"] == stated["spec"], (
        f"the spec is another one than that of suite {stated['version']}: raise version in spec/suite.yaml if that "
        f"was released, say in CHANGELOG.md what changed, and write {found['spec']} there"
    )
