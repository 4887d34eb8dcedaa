"""The rendered objects of every stack under other people's linters.

What they find is listed, each with its reason.

    python -m tests.lint.objects            # exit 1 on a finding that is not listed, or a listed one that is gone
    python -m tests.lint.objects --write    # write the list anew; what has no reason yet stands there as a question

A file of a pod that does everything wrong is linted first: a linter that finds nothing there looks at
nothing.
"""  # noqa: E501 - one literal text

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from sovereign_ai.plan.factory import plan
from sovereign_ai.render.kubernetes.bundle import render
from sovereign_ai.spec.reader import load
from tests.lint.linters import Finding, Linted, checkov, kube_score

ROOT = Path(__file__).resolve().parents[2]
LISTED = Path(__file__).parent / "findings.yaml"
STACKS = ("gigafactory", "lab", "plural", "superpod")
LINTERS: tuple[Callable[[Path, Callable[[str], None]], Linted], ...] = (checkov, kube_score)
BAD_POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "bad", "namespace": "research"},
    "spec": {
        "hostNetwork": True,
        "containers": [{"name": "a", "image": "a:latest", "securityContext": {"privileged": True}}],
    },
}
_HEAD = """\
# What checkov and kube-score find in the rendered objects of all stacks, and why it stays.
# Written by `python -m tests.lint.objects --write`; the reasons are ours.
"""
Reasons = dict[tuple[str, str, str], str]
"""Why a finding stays, by linter, check and `stack Kind/namespace/name`."""


def read(text: str) -> Reasons:
    """Read the list: linter, then check, then a reason for each group of objects.

    Raises:
        ValueError: an object is listed twice under one check, or a reason is missing.
    """
    found: Reasons = {}
    for tool, checks in (yaml.safe_load(text) or {}).items():
        for check, groups in checks.items():
            for group in groups:
                for obj in group["objects"]:
                    if (tool, check, obj) in found:
                        message = f"{tool} {check} lists {obj} twice"
                        raise ValueError(message)
                    if str(group.get("reason") or "?").startswith("?"):
                        message = f"{tool} {check} has no reason for {obj}"
                        raise ValueError(message)
                    found[tool, check, obj] = group["reason"]
    return found


def differences(findings: Iterable[Finding], reasons: Mapping[tuple[str, str, str], str]) -> list[str]:
    """Say what is found and not listed, and what is listed and no longer found."""
    found = {(one.tool, one.check, f"{one.stack} {one.resource}"): one.says for one in findings}
    new = [
        f"not listed: {tool} {check}: {obj}: {says}"
        for (tool, check, obj), says in found.items()
        if (tool, check, obj) not in reasons
    ]
    gone = [f"listed, and no longer found: {' '.join(key)}" for key in reasons if key not in found]
    return sorted(new) + sorted(gone)


def written(findings: Iterable[Finding], reasons: Mapping[tuple[str, str, str], str]) -> str:
    """Write the list, with the reasons that are known."""
    groups: dict[str, dict[str, dict[str, list[str]]]] = {}
    for one in sorted(findings):
        obj = f"{one.stack} {one.resource}"
        reason = reasons.get((one.tool, one.check, obj), f"? {one.says}")
        groups.setdefault(one.tool, {}).setdefault(one.check, {}).setdefault(reason, []).append(obj)
    data: dict[str, Any] = {
        tool: {
            check: [{"reason": reason, "objects": objects} for reason, objects in by.items()]
            for check, by in checks.items()
        }
        for tool, checks in groups.items()
    }
    return _HEAD + yaml.safe_dump(data, sort_keys=True, width=120, allow_unicode=True)


def lint(folder: Path, progress: Callable[[str], None]) -> list[Finding]:
    """Render every stack below a folder and have every linter look at it.

    Raises:
        RuntimeError: a linter finds nothing in what is wrong, or looks at fewer objects than there are.
    """
    (folder / "bad").mkdir()
    (folder / "bad" / "pod.yaml").write_text(yaml.safe_dump(BAD_POD), encoding="utf-8")
    counts = {"bad": 1, **{stack: _render(stack, folder / stack) for stack in STACKS}}
    found: list[Finding] = []
    for linter in LINTERS:
        for stack, count in counts.items():
            progress(f"{linter.__name__}: {stack}, {count} objects")
            linted = linter(folder / stack, progress)
            if not linted.objects or (stack == "bad" and not linted.findings):
                message = f"{linter.__name__} looked at {linted.objects} objects of {stack} and found {len(linted.findings)} faults"  # noqa: E501 - one literal text
                raise RuntimeError(message)
            found += linted.findings if stack != "bad" else ()
    return found


def _render(stack: str, folder: Path) -> int:
    """Write a stack's objects, a file a cluster; give how many there are."""
    factory = load(ROOT / "stacks" / stack)
    derived = plan(factory)
    folder.mkdir()
    count = 0
    for cluster in derived.clusters:
        bundle = render(factory, derived, cluster.name)
        (folder / f"{cluster.name}.yaml").write_text(yaml.safe_dump_all(bundle.objects), encoding="utf-8")
        count += len(bundle.objects)
    return count


def main(arguments: list[str]) -> int:
    """Lint, and hold what is found against the list."""
    with tempfile.TemporaryDirectory() as folder:
        findings = lint(Path(folder), lambda line: print(line, file=sys.stderr))  # noqa: T201 - a program's progress
    if "--write" in arguments:
        known = read(LISTED.read_text(encoding="utf-8")) if LISTED.exists() else {}
        LISTED.write_text(written(findings, known), encoding="utf-8")
    wrong = differences(findings, read(LISTED.read_text(encoding="utf-8")))
    for line in wrong:
        print(line)  # noqa: T201 - a program's result
    print(f"{len(findings)} findings in {len(STACKS)} stacks, {len(wrong)} of them not as listed")  # noqa: T201
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
