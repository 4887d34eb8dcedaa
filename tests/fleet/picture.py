"""A picture of a fleet over time: a line of cells a rack, by what its machines did, and each step above."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

Samples = Sequence[tuple[float, Mapping[str, Counter[str]]]]
COLOURS = {
    "silent": "#111111",
    "repair": "#d7263d",
    "pretrain": "#2c6fbb",
    "sweep": "#7fb2e5",
    "urgent": "#f2a541",
    "chat": "#6a4c93",
    "idle": "#e8e8e8",
}
"""What a machine does to its colour; of a rack's machines, the first that applies is shown."""
_WORDS = {
    "silent": "no answer",
    "repair": "under repair",
    "pretrain": "the gang",
    "sweep": "the job on borrowed quota",
    "urgent": "its owner's job",
    "chat": "the service",
    "idle": "idle",
}
_LEFT, _WIDTH, _FOOT = 90, 1000, 60
_STEP_LINE, _SMALLEST, _LARGEST = 16, 2, 8
_CHARACTER = 7
"""Width of a character of the legend, generously."""


def fleet_picture(samples: Samples, steps: Sequence[Mapping[str, Any]]) -> str:
    """Return an SVG of racks over time.

    Args:
        samples: seconds, and rack to what its machines do then, each with their number.
        steps: what was done, each with when it began and ended.
    """
    racks = sorted({rack for _, states in samples for rack in states})
    line = max(_SMALLEST, min(_LARGEST, 900 // max(1, len(racks))))
    top = 30 + _STEP_LINE * len(steps)
    first = samples[0][0] if samples else 0.0
    last = samples[-1][0] if samples else 1.0
    scale = _WIDTH / max(1.0, last - first)
    height = top + line * len(racks) + _FOOT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDTH + 20}" height="{height}">',
        "<style>text {font: 11px sans-serif}</style>",
        "<title>Racks of a fleet over time</title>",
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for row, rack in enumerate(racks):
        y = top + row * line
        if row % max(1, 40 // line) == 0:
            parts.append(f'<text x="4" y="{y + 8}" fill="#444">{escape(rack)}</text>')
        for begin, end, state in _runs(samples, rack, last):
            x, width = _LEFT + (begin - first) * scale, max(0.5, (end - begin) * scale)
            cell = f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{line}" fill="{COLOURS[state]}"/>'
            parts.append(cell)
    parts += _step_lines(steps, first, scale, top + line * len(racks))
    parts += _legend(height - 20)
    return "\n".join([*parts, "</svg>", ""])


def state_of(states: Mapping[str, int]) -> str:
    """Return the one state by which a rack is shown: the gravest of its machines'."""
    names = set()
    for name in states:
        names.add(name if name in COLOURS else name.rpartition("-")[0])
    return next((name for name in COLOURS if name in names), "idle")


def _runs(samples: Samples, rack: str, last: float) -> list[tuple[float, float, str]]:
    """Return the times in which a rack's state stays the same: begin, end, state."""
    runs: list[tuple[float, float, str]] = []
    for seconds, states in samples:
        state = state_of(states.get(rack, {}))
        if runs and runs[-1][2] == state:
            runs[-1] = (runs[-1][0], seconds, state)
            continue
        if runs:
            runs[-1] = (runs[-1][0], seconds, runs[-1][2])
        runs.append((seconds, last, state))
    return runs


def _step_lines(steps: Sequence[Mapping[str, Any]], first: float, scale: float, bottom: int) -> list[str]:
    """Return a text for each step, and a line down through the racks where it begins."""
    parts = []
    for number, step in enumerate(steps):
        x = max(_LEFT, _LEFT + (step["from"] - first) * scale)
        y = 20 + _STEP_LINE * number
        parts.append(f'<path d="M{x:.1f} {y}V{bottom}" stroke="#333" stroke-width="0.5"/>')
        # Texts of late steps end at their line, so that they stay in the picture.
        anchor, shift = ("end", -4) if x > _LEFT + _WIDTH / 2 else ("start", 4)
        text = escape(f"{step['step']} ({step['to'] - step['from']:.0f} s)")
        parts.append(f'<text x="{x + shift:.1f}" y="{y + 4}" text-anchor="{anchor}">{text}</text>')
    return parts


def _legend(y: int) -> list[str]:
    """Return what the colours mean."""
    parts = []
    x = _LEFT
    for state, colour in COLOURS.items():
        parts.append(f'<rect x="{x}" y="{y - 10}" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{x + 16}" y="{y}">{_WORDS[state]}</text>')
        x += 36 + _CHARACTER * len(_WORDS[state])
    return parts
