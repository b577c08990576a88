"""What a script pastes of others is text in it, and nothing that it runs."""

from __future__ import annotations

import ast

import pytest

from attnspec.conformance.replaying.script import script

NAMES = ['q"""; open("MADE", "w") #', 'q"w\\x', "a\\", 'a"', "\\N{x}", "a\nimport os\nb", "'''", "@DATA@", "\x00\ud800\x1b"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_only_text(name: str) -> None:
    plain, hostile = (ast.parse(script("QUJD", address=n, title=n, file=n).encode()) for n in ("plain", name))
    ours, theirs = ([type(node) for node in ast.walk(tree)] for tree in (plain, hostile))
    assert ours == theirs


@pytest.mark.parametrize("name", ['q"""w', 'q"w\\x', "ö/k.py:f", "a\nb\x1b\x00", "\U0001f600", "\ud800"])
def test_the_address_comes_back(name: str) -> None:
    tree = ast.parse(script("QUJD", address=name, title="t", file="f"))
    values = [
        ast.literal_eval(n.value) for n in tree.body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "ADDRESS"
    ]
    assert values == [name]
