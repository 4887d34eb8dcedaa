"""Generated objects, judged in Python and by the real API server, which stores none of them.

The API server names the first rule that refuses; to have all of them, each policy gets a second
binding that warns. Where Pod Security refuses first, our own policies are not asked: such objects
are asked again in the same namespaces without it.

What is no agreement and no disagreement is counted apart, each under its name: what the schema or
the API server's own admission refuses before a rule is asked, and what the API server drops.

    python -m tests.rules.agreement 50000 7    # more objects, from another seed
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from sovereign_ai.cluster.api.client import Api
from sovereign_ai.cluster.api.parallel import many
from sovereign_ai.cluster.api.transport import JSON, Transport, connect
from sovereign_ai.cluster.crds import install_crds
from sovereign_ai.cluster.embedded.lifecycle import down, up
from sovereign_ai.plan.factory import plan
from sovereign_ai.render.kubernetes.bundle import Bundle, render
from sovereign_ai.render.kubernetes.revision import enforced_revision
from sovereign_ai.rules.context import Context, factory_context
from sovereign_ai.rules.engine import evaluate
from sovereign_ai.rules.kinds import KINDS, find_kind
from sovereign_ai.rules.registry import REGISTRY
from sovereign_ai.spec.reader import load
from tests.rules.generated import Generator, Object, corpus

ROOT = Path(__file__).resolve().parents[2]
CRDS = Path(__file__).parent / "crds"
SEED, BATCH = 2, 2_000
_POLICY, _BINDING = "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"
_API, _ALL = "admissionregistration.k8s.io/v1", "-all"
_ENFORCE = "pod-security.kubernetes.io/enforce"
_ASKED = frozenset(rule.id for rule in REGISTRY if rule.checks and "admission" in rule.places)
_WARNED = re.compile(
    r"Validation failed for ValidatingAdmissionPolicy '(?P<policy>[^']+)'"
    # A quotation mark ends the header, also where the API server cuts the text off.
    r" with binding '[^']+': (?P<text>.*)\"$",
    re.DOTALL,
)
_NAMED = re.compile(r"([A-Z]{3}-\d{3}): ")
_ERROR = "expression '"
_SCHEMA = ("unsupported role reference kind", "target.name: ", "target.kind: ")
"""Refusals of a malformed object that do not come with the status of one."""
OWN = {
    "quota": "exceeded quota",
    "priority class": "no PriorityClass with name",
    "runtime class": "pod rejected: RuntimeClass",
    "name of no object": "invalid resource name",
    "mirror pod": "a mirror pod may not",
}
"""What the API server's own admission says no to, in the namespaces as they are rendered: none of it is a
rule's."""
UNREACHED = {
    "DEV-001": "the API server itself asks for a label of the namespace that NSP-003 forbids, before it asks a rule",  # noqa: E501 - one literal text
    "IMG-004": "the lab declares no signers of images; test_signed_images.py does",
    "NET-011": "the lab declares no resolvers; test_dns_names.py does",
    "PLC-012": "the lab sends no work to other clusters; tests/queues/test_multikueue.py does",
    "NET-012": "only kinds that are listed by themselves are generated",
    "RES-011": "only kinds that are listed by themselves are generated",
    "PRV-015": "no pod is made with an ephemeral container; the subresource is tested beside the cases",
}
"""Rules that no creation of an object in our namespaces gets to at admission, and why."""
_ROOM = 3_500
"""Characters of warnings from which on some may be missing: one of ours takes up to 256, and the limit counts
without its frame."""
DROPPED = {"STO-009": "dataSourceRef"}
"""Fields that this API server drops before a rule is asked (`namespace` in them is behind a gate that is
off), by the rule that reads them."""


@dataclass(frozen=True)
class Plane:
    """A control plane with our policies, and what it is to be asked with."""

    transport: Transport
    api: Api
    context: Context
    bundle: Bundle
    expressions: tuple[tuple[str, str, str], ...]
    """Each policy's name, each of its expressions, and the rule it is of."""


@dataclass
class Report:
    """What came of it.

    Attributes:
        agreed: objects on which both sides name the same rules, by how many were refused.
        disagreed: what is wrong, in words.
        apart: what neither side of the comparison is for, by reason.
        rules: how often each rule refused, on both sides alike.
        kinds: how many objects of each kind were decided.
        seconds: how long it took.
    """

    agreed: Counter[str] = field(default_factory=Counter)
    disagreed: list[str] = field(default_factory=list)
    apart: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def decided(self) -> int:
        """How many objects both sides decided."""
        return self.agreed.total() + len(self.disagreed)


@dataclass(frozen=True)
class Answer:
    """What the API server says: `allow`, `deny`, or why it did not ask our rules; the rules that warn.

    Its text.
    """

    word: str
    rules: frozenset[str]
    text: str
    stored: Object | None = None
    crowded: bool = False
    """Whether warnings of the API server's own left no room for ours: it sends 4,096 characters (apiserver,
    warning.go)."""


@contextmanager
def running_plane() -> Iterator[Plane]:
    """Start a control plane of its own with the lab's namespaces, policies and custom kinds.

    It is ended in the end.
    """
    factory = load(ROOT / "stacks" / "lab")
    derived = plan(factory)
    bundle = render(factory, derived, "lab")
    with tempfile.TemporaryDirectory() as folder:
        cluster = up("generated", root=Path(folder))
        try:
            transport = connect(cluster.kubeconfig)
            api = Api(transport)
            install_crds(api, CRDS)
            for obj in bundle.objects:
                if obj["apiVersion"].rpartition("/")[0] not in bundle.custom_groups:
                    api.apply(obj, force=True)
            for binding in (obj for obj in bundle.objects if obj["kind"] == _BINDING):
                api.apply(_warning(binding), force=True)
            found = Plane(
                transport, api, factory_context(factory, derived, "lab"), bundle, tuple(_expressions(bundle))
            )
            _wait(found, bundle)
            yield found
            api.close()
        finally:
            down("generated", root=Path(folder))


def _warning(binding: Mapping[str, Any]) -> Object:
    """Give a binding that warns of everything and stops nothing."""
    spec = {**binding["spec"], "validationActions": ["Warn"]}
    return {
        "apiVersion": _API,
        "kind": _BINDING,
        "metadata": {"name": f"{binding['metadata']['name']}{_ALL}"},
        "spec": spec,
    }


def _expressions(bundle: Bundle) -> Iterator[tuple[str, str, str]]:
    """Give each expression of each policy, with its rule."""
    for policy in (obj for obj in bundle.objects if obj["kind"] == _POLICY):
        for validation in policy["spec"]["validations"]:
            if enforced_revision(validation["message"]) is None:
                yield (
                    policy["metadata"]["name"],
                    validation["expression"],
                    validation["message"].partition(":")[0],
                )


def _wait(plane: Plane, bundle: Bundle, seconds: float = 30) -> None:
    """Wait until every policy refuses and warns of a case that it must refuse.

    A policy is active some time after it is there.
    """
    from tests.rules.cases import cases

    groups = {
        policy["metadata"]["name"].removeprefix("sovereign-")
        for policy in bundle.objects
        if policy["kind"] == _POLICY
    }
    probes = {
        find_kind(case.obj["apiVersion"], case.obj["kind"]).group: case.obj
        for case in cases()
        if case.decision == "deny"
        and not case.otherwise
        and not case.admission
        and not _of_pod_security(case.rules)
    }
    assert set(probes) >= groups, groups - set(probes)
    deadline = time.monotonic() + seconds
    waiting = {group: probes[group] for group in groups}
    while waiting:
        waiting = {
            group: obj
            for group, obj in waiting.items()
            if not (found := ask(plane, obj)).rules or found.word != "deny"
        }
        assert time.monotonic() < deadline, {group: ask(plane, obj) for group, obj in waiting.items()}


def _of_pod_security(rules: Sequence[str]) -> bool:
    """Tell whether Pod Security might refuse before a rule does."""
    return any(rule.startswith("PRV-") or rule == "NET-009" for rule in rules)


def ask(plane: Plane, obj: Object) -> Answer:
    """Ask the API server about one object, without storing it."""
    resource, _, namespace = plane.api._place(obj)
    url = f"{plane.transport.server}{resource.path(namespace=namespace)}?dryRun=All&fieldValidation=Strict&fieldManager=sovereign-ai"  # noqa: E501 - one literal text
    headers = {"Accept": JSON, "Content-Type": JSON}
    answer = plane.transport._pool.request(
        "POST", url, body=orjson.dumps(obj), headers=headers, redirect=False
    )
    body = orjson.loads(answer.data)
    warnings = answer.headers.getlist("Warning")
    rules = frozenset(_rules(plane, warnings))
    text = str(body.get("message", ""))
    crowded = sum(map(len, warnings)) > _ROOM
    return Answer(_word(answer.status, text), rules, text, body if answer.status == 201 else None, crowded)


def _word(status: int, text: str) -> str:
    """Say in a word what an answer means."""
    if status == 201 or (status == 409 and "already exists" in text):
        return "allow"
    if _POLICY in text and "denied request" in text:
        return "deny"
    if "violates PodSecurity" in text:
        return "pod security"
    if status in {400, 422} or any(part in text for part in _SCHEMA):
        return "schema"
    return next((name for name, part in OWN.items() if part in text), "refused")


def _rules(plane: Plane, warnings: Sequence[str]) -> Iterator[str]:
    """Read the rules out of the warnings; an expression that could not be evaluated is found by its text."""
    for warning in warnings:
        told = _WARNED.search(warning)
        if told is None:
            continue
        text = told["text"].replace('\\"', '"').replace("\\\\", "\\")
        named = _NAMED.match(text)
        yield named[1] if named else _of_expression(plane, told["policy"], text)


def _of_expression(plane: Plane, policy: str, text: str) -> str:
    """Find the rule of an expression by the beginning that a warning quotes."""
    quoted = text.removeprefix(_ERROR)[:200]
    found = {
        rule
        for name, expression, rule in plane.expressions
        if name == policy and expression.startswith(quoted[: len(expression)])
    }
    return found.pop() if len(found) == 1 else f"? {text[:120]}"


def compare(count: int, plane: Plane, seed: int = SEED) -> Report:
    """Have as many generated objects decided by both sides, and hold the answers together."""
    report, begun = Report(), time.monotonic()
    source = iter(Generator(seed, corpus(plane.bundle.objects), plane.context))
    again = _decide(report, plane, source, count)
    if again:
        without_pod_security(plane, again[0][0])
        rest = _hold(report, plane, again)
        # Some are counted apart only now; others take their places.
        rest += _decide(report, plane, source, count)
        assert not rest, rest[:1]
    report.seconds = time.monotonic() - begun
    return report


def _decide(
    report: Report, plane: Plane, source: Iterator[tuple[Object, str]], count: int
) -> list[tuple[Object, str, frozenset[str]]]:
    """Have objects decided until there are so many; give back those that Pod Security refused."""
    again: list[tuple[Object, str, frozenset[str]]] = []
    while report.decided + len(again) < count:
        batch = []
        for obj, story in islice(source, min(BATCH, count - report.decided - len(again))):
            if KINDS[obj["kind"]].group:
                batch.append((obj, story, judged(obj, plane.context)))
            else:
                report.apart["exempt from admission policies"] += 1
        again += _hold(report, plane, batch)
    return again


def judged(obj: Object, context: Context) -> frozenset[str]:
    """Give the rules that refuse an object offline, among those that admission can decide."""
    return frozenset(finding.rule for finding in evaluate([obj], context)) & _ASKED


def _hold(
    report: Report, plane: Plane, batch: Sequence[tuple[Object, str, frozenset[str]]]
) -> list[tuple[Object, str, frozenset[str]]]:
    """Ask about some objects and note what came of each; give back those that Pod Security refused."""
    again = []
    for (obj, story, rules), answer in zip(
        batch, many(partial(ask, plane, obj) for obj, _, _ in batch), strict=True
    ):
        if answer.word == "pod security" and _of_pod_security(sorted(rules)):
            again.append((obj, story, rules))
            continue
        dropped = {rule for rule in rules - answer.rules if rule in DROPPED and DROPPED[rule] in str(obj)}
        if answer.word in {"schema", *OWN} and not answer.rules:
            report.apart[answer.word] += 1
        elif answer.crowded and answer.word == "deny" and answer.rules < rules:
            report.apart["warnings of the API server crowd out those of rules"] += 1
        elif dropped and rules - dropped == answer.rules:
            report.apart["a field that is dropped"] += 1
        elif answer.word != ("deny" if rules else "allow") or rules != answer.rules:
            report.disagreed.append(
                f"{story}\n  Python {sorted(rules)}; {answer.word} {sorted(answer.rules)}: "
                f"{answer.text[:300]}"
            )
        else:
            report.agreed[answer.word] += 1
            report.rules.update(rules)
            report.kinds[obj["kind"]] += 1
    return again


def without_pod_security(plane: Plane, probe: Object) -> None:
    """Lift Pod Security from our namespaces, and with it the policy that holds them to it.

    Wait until a probe gets past.
    """
    name = "sovereign-cluster"
    for suffix in ("", _ALL):
        plane.api.delete(_API, _BINDING, f"{name}{suffix}")
    namespaces = [obj for obj in plane.bundle.objects if obj["kind"] == "Namespace"]
    relaxed = [
        {
            **obj,
            "metadata": {**obj["metadata"], "labels": {**obj["metadata"]["labels"], _ENFORCE: "privileged"}},
        }
        for obj in namespaces
    ]
    deadline = time.monotonic() + 30
    for obj in relaxed:
        while True:
            try:
                plane.api.apply(obj, force=True)
                break
            except Exception:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
    while ask(plane, probe).word == "pod security":
        assert time.monotonic() < deadline, "Pod Security still refuses"
        time.sleep(0.1)


if __name__ == "__main__":
    wanted, other_seed = (int(word) for word in sys.argv[1:3])
    with running_plane() as running:
        outcome = compare(wanted, running, other_seed)
    sys.stdout.write(f"{dict(outcome.agreed)} alike, {dict(outcome.apart)} apart, {outcome.seconds:.0f} s\n")
    sys.exit("\n".join(outcome.disagreed) or 0)
