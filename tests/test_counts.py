"""Numbers in texts for people: what is counted goes through `counted`, so that nobody reads `1 nodes`.

The source is searched and not its outputs, since each text needs a factory of its own with one of everything.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sovereign_ai.text import counted

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted(path.relative_to(ROOT) for path in (ROOT / "sovereign_ai").rglob("*.py"))
NOUNS = re.compile(
    r"accelerators|adapters|addresses|buildings|cables|cells|changes|circuits|clusters|controllers|controls|copies|cores"
    r"|containers|days|devices|differences|domains|drives|endpoints|entries|events|experts|failures|faults|feeds"
    r"|fibres|fields|figures|files|findings|flows|formats|frameworks|gateways|GPUs|groups|GUIDs|halls|heads"
    r"|holders|hosts|hours|interruptions|inventories|jobs|kinds|layers|leaves|lines|links|machines|managers"
    r"|minutes|modules|months|namespaces|networks|nodes|notices|objects|pages|pairs|parameters|parts|paths|PDUs"
    r"|pieces|places|planes|pods|pools|ports|powers|probes|problems|processes|queries|racks|rails|replicas"
    r"|requests|resources|routes|rows|rules|secrets|sections|servers|sets|sites|spares|spines|steps|stripes"
    r"|subnets|subjects|supplies|switches|systems|tenants|tiers|times|tokens|triggers|units|uplinks|values"
    r"|violations|VLANs|ways|words|workloads|zones"
)
"""What texts count. Behind a number by its format (`:,`), a length or a sum any plural is searched for."""
NO_NOUNS = frozenset({"bytes", "is", "needs", "has", "holds", "takes", "this", "us"})
"""Units, which have no singular, and words that only end like a plural."""
BETWEEN = re.compile(
    r"a|above|an|and|are|as|at|before|behind|below|beside|between|beyond|by|can|counts|does|for|from|has|have|if"
    r"|in|is|it|leaves|makes|may|must|no|not|of|on|only|or|over|per|still|stops|takes|than|that|the|then|to"
    r"|under|until|was|where|who|will|with|within|without|x"
)
"""Words that are no adjectives: what follows them is not what the number counts."""
NO_NUMBERS = {
    "_range(links[tier])": "several numbers in words",
    "component": "a part of a factory, which leaves a place",
    "counts": "GPUs of several systems in words",
    "fact": "a property of a machine, which changes",
    "deciding.manifest.title": "an object, which leaves something on",
    "fabric.role": "compute or storage ports",
    "group.name": "a policy, which leaves machines alone",
    "kind": "a kind of ports",
    "leaf": "a switch by its name, in Slurm's files",
    "lost": "the loss of something in words, which leaves the rest",
    "makers": "whose GPUs they are",
    "media": "a kind of drives",
    "namespace": "a name",
    "plain(units, 6)": "cooling units, of which there may be parts",
    "', '.join(map(str, DAYS))": "several days",
}
"""Expressions that are texts, by what they say."""
NEVER_ONE = {
    "border.radix": "a switch has four ports or more",
    "fabric.radix": "the same",
    "model.ports": "the same",
    "radix": "the same",
    "self.spine_radix": "the same",
    "count * units": "it is more than a rack has",
    "leaf or 'more than two'": "with one leaf nothing is wrong",
    "len(cell)": "it is more than a cell may have",
    "len(text)": "it is more than a text may have",
    "most": "a limit",
    "parallel.expert": "a group of one shares nothing",
}
"""Numbers that are never one, by the reason. Constants are passed over: whoever writes one sees its text."""
_CONSTANT = re.compile(r"(?:\w+\.)?_?[A-Z][A-Z0-9_]*")


def uncounted(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and text of each number in a text that a plural follows."""
    for text in ast.walk(tree):
        if not isinstance(text, ast.JoinedStr):
            continue
        for value, after in zip(text.values, text.values[1:], strict=False):
            if isinstance(value, ast.FormattedValue) and isinstance(after, ast.Constant):
                plural = plural_after(value, str(after.value))
                if plural:
                    yield value.lineno, f"{{{ast.unparse(value.value)}}} {plural}"


def plural_after(value: ast.FormattedValue, text: str) -> str:
    """Return the plural that a number has behind it; empty where it is no number, or none follows."""
    written, form = ast.unparse(value.value), format_of(value)
    is_exempt = _CONSTANT.fullmatch(written) or written in NO_NUMBERS or written in NEVER_ONE
    # Of a measured number `1.0` has a plural behind it too, and a quoted text counts nothing.
    if is_exempt or form.endswith(("f", "g")) or value.conversion != -1 or "counted(" in written:
        return ""
    for adjectives in range(3):
        words = re.match(rf" (?P<before>(?:[a-z-]+ ){{{adjectives}}})(?P<noun>[A-Za-z]+s)\b", text)
        if words is None or any(map(BETWEEN.fullmatch, words["before"].split())):
            continue
        is_noun = NOUNS.fullmatch(words["noun"]) is not None
        if is_noun or (is_number(value) and words["noun"] not in NO_NOUNS):
            return words[0].strip()
    return ""


def format_of(value: ast.FormattedValue) -> str:
    """Return how an expression is formatted; empty where nothing is said."""
    form = value.format_spec
    parts = form.values if isinstance(form, ast.JoinedStr) else []
    return "".join(str(part.value) for part in parts if isinstance(part, ast.Constant))


def is_number(value: ast.FormattedValue) -> bool:
    """Return whether an expression is a number whatever its name is."""
    called = value.value
    function = ast.unparse(called.func) if isinstance(called, ast.Call) else ""
    is_measured = function in {"len", "sum"} or function.endswith((".count", ".total"))
    return is_measured or "," in format_of(value)


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_module_counts_through_the_helper(module: Path) -> None:
    tree = ast.parse((ROOT / module).read_bytes())
    assert [f"{module}:{line}: {text}" for line, text in uncounted(tree)] == []


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_no_template_has_a_plural_behind_what_is_put_in(module: Path) -> None:
    tree = ast.parse((ROOT / module).read_bytes())
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            assert not re.search(rf"\{{[a-z_]*\}} (?:{NOUNS.pattern})\b", node.value), node.value


@pytest.mark.parametrize(
    ("source", "plurals"),
    [
        ('f"{count} nodes"', ["{count} nodes"]),
        ('f"{count:,} idle power supplies"', ["{count} idle power supplies"]),
        ('f"{len(left)} widgets stay"', ["{len(left)} widgets"]),
        ('f"{a} spines, {b} cores"', ["{a} spines", "{b} cores"]),
        ("f\"{counted(count, 'node')} and {watts:.1f} racks\"", []),
        ('f"{name!r} leaves {_MOST_ROWS:,} rows of {name} and {size:,} bytes"', []),
        ('f"{count} of the nodes"', []),
    ],
)
def test_the_search_sees_plurals_behind_numbers_and_nothing_else(source: str, plurals: list[str]) -> None:
    assert [text for _, text in uncounted(ast.parse(source))] == plurals


def test_each_exception_is_still_needed() -> None:
    written = set()
    for module in MODULES:
        for node in ast.walk(ast.parse((ROOT / module).read_bytes())):
            if isinstance(node, ast.FormattedValue):
                written.add(ast.unparse(node.value))
    assert (NO_NUMBERS.keys() | NEVER_ONE.keys()) - written == set()


def test_one_is_singular_and_anything_else_plural() -> None:
    numbers = (0, 1, 2, 1_000)
    assert [counted(number, "node") for number in numbers] == ["0 nodes", "1 node", "2 nodes", "1,000 nodes"]
    assert counted(1, "node leaves", "nodes leave") == "1 node leaves"
    assert counted(3, "switch", "switches") == "3 switches"
