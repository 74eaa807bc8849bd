"""The part of YAML that is read, and that everything else is refused."""

from __future__ import annotations

from typing import Any

import pytest

from scripts.plain_yaml import YamlError, read_yaml


@pytest.mark.parametrize(
    "text,value",
    [
        (
            "a: 1\nb: x y\nc: true\nd: null\ne: 1.5\nf: -2",
            {"a": 1, "b": "x y", "c": True, "d": None, "e": 1.5, "f": -2},
        ),
        ("a:\n  b:\n    c: 1\n  d: 2\ne: 3", {"a": {"b": {"c": 1}, "d": 2}, "e": 3}),
        ("a:\n- 1\n- b: 2\n  c: 3\n- - 4\nd: 5", {"a": [1, {"b": 2, "c": 3}, [4]], "d": 5}),
        ("a:\n  - x\n  -\n    y: 1", {"a": ["x", {"y": 1}]}),
        (
            'a: [1, "b, c", d]\ne: {f: g, h: 2}\ni: []\nj: {}',
            {"a": [1, "b, c", "d"], "e": {"f": "g", "h": 2}, "i": [], "j": {}},
        ),
        ("a: \"x\\n#\"\nb: 'it''s'\nc: \"1\"", {"a": "x\n#", "b": "it's", "c": "1"}),
        ("a: http://h:1/p # why\n# b: 2\nc: x#y", {"a": "http://h:1/p", "c": "x#y"}),
        ("a: |\n  one\n    two\n\nb: >-\n  one\n  two", {"a": "one\n  two\n", "b": "one two"}),
        ("a:\nb: 1", {"a": None, "b": 1}),
        ("paygate.io/x: y", {"paygate.io/x": "y"}),
    ],
)
def test_what_is_read(text: str, value: Any) -> None:
    """As YAML 1.2 has it."""
    assert read_yaml(text) == [value]


def test_a_file_may_hold_several_documents() -> None:
    """With comments before, between and behind them."""
    assert read_yaml("# one\na: 1\n---\n# two\nb: 2\n---\n# none\n") == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize(
    "text,problem",
    [
        ("a: &x 1", "line 1: & is not read here"),
        ("a: 1\nb: *x", "line 2: \\* is not read here"),
        ("a: !!str 1", "line 1: ! is not read here"),
        ("a: 1\na: 2", "line 2: a is there twice"),
        ("a:\n\tb: 1", "line 2: is indented by a tab"),
        ("a: [1", "line 1: has a bracket that does not end"),
        ("a: [[1]]", "line 1: has brackets in brackets"),
        ('a: "x', "line 1: has a quotation that does not end"),
        ("a: 1\nb", "line 2: is no `key: value`"),
        ("a: 1\n  b: 2", "line 2: is indented like nothing before it"),
        ("a: {1}", "line 1: has something in braces"),
    ],
)
def test_what_is_refused(text: str, problem: str) -> None:
    """By the line, and not guessed."""
    with pytest.raises(YamlError, match=problem):
        read_yaml(text)
