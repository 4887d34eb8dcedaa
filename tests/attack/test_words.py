"""A value that people write is refused in words that say what to write, and never in a library's own."""

from __future__ import annotations

import pytest

from sovereign_ai.errors import Problem, SpecError
from sovereign_ai.spec.reader import read_text
from tests.attack.descriptions import LAB

NODES = "nodes: 12, purpose"
SYSTEM = "system: dgx-h100, nodes: 12"
# What stands in the lab's description, what somebody writes instead, and what the answer has to hold.
WRITTEN = {
    "thousands-in-a-flow-mapping": (NODES, "nodes: 1,000, purpose", "write 1000"),
    "thousands-in-quotation-marks": (NODES, "nodes: '1,000', purpose", "write 1000"),
    "thousands-with-a-point": (NODES, "nodes: '1.000', purpose", "decimal digits alone"),
    "a-number-in-words": (NODES, "nodes: twelve, purpose", "write a whole number from 1 to 1,000,000"),
    "a-number-with-a-unit": (NODES, "nodes: 12 machines, purpose", "decimal digits alone"),
    "an-accelerator-for-a-system": (SYSTEM, "system: h100, nodes: 12", "dgx-h100"),
    "an-accelerator-in-capitals": (SYSTEM, "system: H100, nodes: 12", "did you mean 'dgx-h100'"),
    "a-system-in-capitals": (SYSTEM, "system: DGX-H100, nodes: 12", "did you mean 'dgx-h100'"),
    "a-system-with-a-blank": (SYSTEM, "system: DGX H100, nodes: 12", "did you mean 'dgx-h100'"),
    "a-country-in-words": ("country: DE", "country: Germany", "write 'DE'"),
    "a-country-in-small-letters": ("country: DE", "country: de", "write 'DE'"),
    "a-truth-value-for-a-word": ("trust: high", "trust: yes", "'low', 'medium' or 'high'"),
    "a-power-without-a-unit": ("it_budget: 250 kW", "it_budget: 250", "write '250 kW'"),
    "a-weight-for-a-power": ("rack_limit: 45 kW", "rack_limit: 45 kg", "GW, MW, kW or W"),
    "bytes-for-bits": ("rate: 100 Gbps", "rate: 100 GB", "write '100 Gbps'"),
    "a-ratio-without-its-half": ('oversubscription: "3:1"', "oversubscription: 3", "such as '1:1'"),
    "a-field-with-a-wrong-letter": ("purpose: training", "porpose: training", "did you mean 'purpose'"),
    "a-word-with-a-wrong-letter": ("protocol: parallel", "protocol: paralel", "did you mean 'parallel'"),
    "a-list-for-a-word": ("purpose: training", "purpose: [training]", "'inference', 'mixed' or 'management'"),
    "a-mapping-for-a-list": ("tenants: [research]", "tenants: {a: b}", "a list of entries"),
}
# What the library says that checks types.
LIBRARY = (
    "Input should",
    "Field required",
    "Extra inputs",
    "valid string",
    "valid integer",
    "type=",
    "pydantic",
)


def problems(old: str, new: str) -> list[Problem]:
    """Return the problems of the lab's description with a text in it exchanged."""
    text = LAB.read_text(encoding="utf-8")
    assert old in text
    with pytest.raises(SpecError) as caught:
        read_text(text.replace(old, new, 1).encode(), "factory.yaml")
    return list(caught.value.problems)


@pytest.mark.parametrize(("old", "new", "words"), WRITTEN.values(), ids=WRITTEN)
def test_the_answer_says_what_to_write(old: str, new: str, words: str) -> None:
    answers = problems(old, new)
    assert any(words in f"{problem.message} {problem.hint}" for problem in answers)
    for problem in answers:
        assert problem.hint
        assert problem.hint not in problem.message
        assert not any(word in f"{problem.message} {problem.hint}" for word in LIBRARY)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (NODES, "nodes: 12 , purpose"),
        ("it_budget: 250 kW", "it_budget: 250kW"),
        ("it_budget: 250 kW", "it_budget: 0.25 MW"),
        ("rate: 100 Gbps", "rate: 0.1 Tbps"),
    ],
)
def test_another_writing_of_the_same_is_taken(old: str, new: str) -> None:
    text = LAB.read_text(encoding="utf-8")
    read_text(text.replace(old, new, 1).encode(), "factory.yaml")
