"""YAML in block style: any YAML library reads it back."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sovereign_ai.render.switches.block import yaml_block

TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=5)
SCALAR = st.integers(-(2**63), 2**63) | TEXT | st.booleans()
FLAT = st.dictionaries(TEXT, SCALAR | st.lists(SCALAR, max_size=3))


@given(st.recursive(FLAT, lambda inner: st.dictionaries(TEXT, inner), max_leaves=8))
@settings(max_examples=60)
@example(
    {
        "on": "no",
        "1": "2",
        "a b": "x: y",
        "": "null",
        "~": "1e3",
        "k": {"#": "- a"},
        "e": {},
        "l": ["on", True, 3],
        "m": [],
        "Null": "a.b/c",
    }
)
def test_yaml_reads_back_what_was_written(data: dict[str, Any]) -> None:
    assert (yaml.safe_load(yaml_block(data)) or {}) == data
