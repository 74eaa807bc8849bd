"""Form encoding with brackets, as Stripe's SDKs send it, into a tree of strings."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qsl

from psp.stripe.sandbox.api_errors import refused_parameter

Tree = dict[str, "str | Tree"]

_KEY: Final = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_MAX_FIELDS: Final = 2000


def parse_form(encoded: str) -> Tree:
    """Return the tree of `a[b][0]=c`; `a[]=c` counts up. Raises `ApiError` if it cannot be one."""
    tree: Tree = {}
    try:
        pairs = parse_qsl(encoded, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError as error:
        raise refused_parameter(f"Invalid request body: {error}", "") from error
    for key, value in pairs:
        matched = _KEY.fullmatch(key)
        # A key that cannot be read is a parameter that nobody knows.
        names = [matched[1], *re.findall(r"\[([^\[\]]*)\]", matched[2])] if matched else [key]
        _put(tree, names, key, value)
    return tree


def _put(tree: Tree, names: list[str], key: str, value: str) -> None:
    for name in names[:-1]:
        below = tree.setdefault(name or str(len(tree)), {})
        if isinstance(below, str):
            raise refused_parameter(f"Invalid object: {key}", names[0])
        tree = below
    last = names[-1] or str(len(tree))
    if isinstance(tree.get(last), dict):
        raise refused_parameter(f"Invalid object: {key}", names[0])
    tree[last] = value
