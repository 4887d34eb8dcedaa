"""Conditions on what a driver of devices is told in whatever form, as CEL: it names permitted places only.

Claims of devices and their classes hold such values, which Kubernetes hands over unread.
"""

from __future__ import annotations

from sovereign_ai.rules.cel.literals import literal
from sovereign_ai.rules.places.command_arguments import permitted_command
from sovereign_ai.rules.places.permitted_places import text
from sovereign_ai.rules.places.unknown_kinds import flattened_lines, flattened_pairs

_OPAQUE = "parameters"


def parts_of_opaque(values: str) -> dict[str, str]:
    """Return the named parts that hold the texts in lists of values of whatever form, each behind its name.

    The last, `opaque_lines`, has lists of texts for each value of each list.
    """
    opened = flattened_pairs(f"[[dyn({literal(_OPAQUE)}), dyn(v)]]")
    return {
        "opaque_opened": f"({values}).map(l, l.map(v, {opened}))",
        "opaque_lines": f"variables.opaque_opened.map(l, l.map(v, {flattened_lines('v')}))",
    }


def line_of_text(value: str) -> str:
    """Return CEL for a text as `opaque_lines` holds one."""
    return f'[{literal(_OPAQUE)} + "=" + {value}.replace("\\n", "\\n ")]'


def opaque(lines: str) -> str:
    """Return CEL: every URL and bucket in `opaque_lines` is a permitted place."""
    return _on_lines(lines, text("t"))


def opaque_by_word(lines: str) -> str:
    """Return CEL: what a word in those texts calls a host or a region is permitted."""
    return _on_lines(lines, permitted_command("t"))


def _on_lines(lines: str, condition: str) -> str:
    return f'{lines}.all(l, l.all(v, v.all(o, o.split("\\n").all(t, {condition}))))'
