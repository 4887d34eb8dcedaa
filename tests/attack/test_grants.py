"""Break-glass access, attacked: approvals and records that are another's, too old, too wide, or no files.

Each attack is refused in words with what to do next, and the same approval without it is taken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from sovereign_ai.attest.signing import base64_text, pae
from sovereign_ai.cli.access import _read_approval
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.errors import SovereignError
from sovereign_ai.operate.answers import decide
from sovereign_ai.operate.grants import MOST, USE_WITHIN, AccessGrant, make_grant
from sovereign_ai.operate.records import read_records, write_grant, write_revoked
from sovereign_ai.rules.approval import ACCESS_TYPE, NO_APPROVERS, access_payload
from sovereign_ai.rules.waiver_review import BINDINGS, GROUP, REVIEW_USER, VERB
from sovereign_ai.spec.waiver import Approver
from tests.attack.hostile_files import HOSTILE, Make, remove
from tests.operate.given import grant, plane
from tests.render.lab import stack
from tests.support.approvals import approved_grant, key_of, public_key_of
from tests.support.weak_keys import FORGED, NEUTRAL, text_of

FACTORY, PLAN = stack("lab")
NAMES = ("lead", "other lead")
LISTED = FACTORY.model_copy(
    update={"approvers": tuple(Approver(name=name, key=public_key_of(name)) for name in NAMES)}
)
STACK: Any = SimpleNamespace(factory=LISTED, plan=PLAN)
ZONES = {namespace.name: namespace.zone for namespace in PLAN.cluster("lab").namespaces}
Document = dict[str, Any]


def now() -> datetime:
    return datetime.now(UTC)


def agreed(**changes: Any) -> AccessGrant:
    """Return what an approver of the lab agrees to now, with changes that the approver signs as well."""
    wish: dict[str, Any] = {
        "person": "on-call",
        "approver": "lead",
        "reason": "a job hangs",
        "seat": "DE",
        "namespace": "research",
        "kind": "look",
        "lasting": timedelta(hours=1),
        "now": now(),
    }
    made = make_grant(LISTED, ZONES, **wish)
    return approved_grant(replace(made, **{"cluster": "lab", **changes}))


def document(**changes: Any) -> Document:
    made = agreed(**changes)
    return {"access": made.agreed, "signature": made.signature}


def taken(data: Document | None, folder: Path, place: str = "lab") -> AccessGrant:
    """Read an approval as `access grant` does, on the control plane of a folder."""
    file = folder / "approval.json"
    if data is not None:
        file.write_bytes(orjson.dumps(data))
    return _read_approval(STACK, ClusterDir(place, folder / place), file)


def _after(change: Callable[[Document], object], **changes: Any) -> Callable[[], Document]:
    """Return an approval that is changed after it was signed."""

    def make() -> Document:
        data = document(**changes)
        change(data)
        return data

    return make


def _signed_by(name: str, signature: bytes | None = None, key: str = "") -> Callable[[], Document]:
    """Return an approval under the approver's name by another key, or with a signature of one's own."""

    def make() -> Document:
        data = document()
        made = signature or key_of(name).sign(pae(ACCESS_TYPE, access_payload(data["access"])))
        data["signature"] = f"{key or public_key_of(name)}:{base64_text(made)}"
        return data

    return make


def _at(hours: float) -> str:
    return (now() + timedelta(hours=hours)).isoformat()


ATTACKS: dict[str, Callable[[], Document]] = {
    # Another deployment.
    "of another factory": lambda: document(factory="other"),
    "of no factory": lambda: document(factory=""),
    "of another cluster": lambda: document(cluster="other"),
    "of a cluster with a blank": lambda: document(cluster="lab "),
    "its factory exchanged afterwards": _after(
        lambda data: data["access"].update(factory="lab"), factory="other"
    ),
    # Another time.
    "of yesterday": lambda: document(use_before=_at(-1)),
    "of a second ago": lambda: document(use_before=_at(-1 / 3600)),
    "for the day after tomorrow": lambda: document(use_before=_at(25)),
    "for a thousand years": lambda: document(use_before="2999-01-01T00:00:00+00:00"),
    "without an offset": lambda: document(use_before=_at(1)[:19]),
    "for no time": lambda: document(use_before=""),
    "for a day alone": lambda: document(use_before=_at(20)[:10]),
    "of the first year": lambda: document(use_before="0001-01-01T00:00:00+23:59"),
    "of the last year": lambda: document(use_before="9999-12-31T23:59:59-23:59"),
    # Another scope.
    "of another namespace": _after(lambda data: data["access"].update(namespace="startups")),
    "of a namespace of the plane": lambda: document(namespace="kube-system"),
    "of our own namespace": lambda: document(namespace="sovereign-system"),
    "of every namespace": lambda: document(namespace="*"),
    "of another kind": lambda: document(kind="cluster-admin"),
    "of a kind with a path": lambda: document(kind="look/../shell"),
    "of more rights, afterwards": _after(lambda data: data["access"].update(kind="repair")),
    "from a country that may not": lambda: document(seat="US"),
    "from nowhere": lambda: document(seat=""),
    "longer than any": lambda: document(seconds=str(int(MOST.total_seconds()) + 1)),
    "longer, afterwards": _after(lambda data: data["access"].update(seconds="14400")),
    "for no time at all": lambda: document(seconds="0"),
    "for less than no time": lambda: document(seconds="-3600"),
    "for half a second": lambda: document(seconds="0.5"),
    "for a number with a sign": lambda: document(seconds="+3600"),
    "for a number with a blank": lambda: document(seconds=" 3600"),
    "for a number with a zero before it": lambda: document(seconds="03600"),
    "for a number with an underscore": lambda: document(seconds="3_600"),
    "for a number in Arabic digits": lambda: document(seconds="\u0663\u0666\u0660\u0660"),
    "for a number with a line end": lambda: document(seconds="3600\n"),
    "for NaN": lambda: document(seconds="nan"),
    "for an endless number": lambda: document(seconds="9" * 5000),
    "for a large number": lambda: document(seconds="9" * 300),
    # Somebody else.
    "for oneself": lambda: document(person="lead"),
    "for oneself, in other letters": lambda: document(person="LEAD"),
    "for a person in Cyrillic letters": lambda: document(person="\u043en-call"),
    "for a master": lambda: document(person="system:masters"),
    "for a person with a path": lambda: document(person="../on-call"),
    "by an approver in Cyrillic letters": lambda: document(approver="l\u0435ad"),
    "by a stranger": lambda: document(approver="stranger"),
    "by nobody": lambda: document(approver=""),
    "by the other approver under this one's name": _signed_by("other lead"),
    "by a stranger's key under this one's name": _signed_by("a stranger"),
    "by a weak key": _signed_by("lead", FORGED, text_of(NEUTRAL)),
    "by no key": _after(lambda data: data.update(signature=":" + data["signature"].partition(":")[2])),
    "by a signature of nothing": _signed_by("lead", bytes(64)),
    "by another's signature": _after(lambda data: data.update(signature=agreed(reason="x").signature)),
    "with a signature of another spelling": _after(
        lambda data: data.update(signature=data["signature"].removesuffix("==") + "=")
    ),
    "with a blank behind the signature": _after(lambda data: data.update(signature=data["signature"] + "\n")),
    "with two signatures": _after(lambda data: data.update(signature=data["signature"] * 2)),
    "without a signature": _after(lambda data: data.pop("signature")),
    # Another form.
    "of an id that leads elsewhere": lambda: document(id="../../../x"),
    "of an id in capitals": lambda: document(id="1F2E3D4C"),
    "of an id with a line end": lambda: document(id="1f2e3d4\n"),
    "of an id in other digits": lambda: document(id="\u0661f2e3d4c"),
    "with a reason that turns the line": lambda: document(reason="x\u202etxet"),
    "with a reason of two lines": lambda: document(reason="x\nrevoked"),
    "with a reason of nothing": lambda: document(reason="\u00a0"),
    "with a reason without an end": lambda: document(reason="x" * 501),
    "with a fact more": _after(lambda data: data["access"].update(more="x")),
    "with a fact less": _after(lambda data: data["access"].pop("reason")),
    "with a number for a text": _after(lambda data: data["access"].update(seconds=3600)),
    "with a list for a text": _after(lambda data: data["access"].update(person=["on-call"])),
    "with null for a text": _after(lambda data: data["access"].update(cluster=None)),
    "with a list for the facts": _after(lambda data: data.update(access=[*data["access"].items()])),
    "in capitals": _after(lambda data: data.update(Access=data.pop("access"))),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_approval_gives_nothing(attack: str, tmp_path: Path) -> None:
    with pytest.raises(SovereignError) as caught:
        taken(ATTACKS[attack](), tmp_path)
    assert all(problem.hint for problem in caught.value.problems), caught.value
    assert [path.name for path in tmp_path.iterdir()] == ["approval.json"]


@pytest.mark.parametrize("name", HOSTILE)
def test_an_approval_that_is_no_file_of_one_gives_nothing(name: str, tmp_path: Path) -> None:
    good = orjson.dumps(document())
    if name == "a member more":
        return  # beside `access` and `signature` nothing is read, and nothing granted
    HOSTILE[name](tmp_path / "approval.json", good)
    with pytest.raises(SovereignError) as caught:
        taken(None, tmp_path)
    assert all(problem.hint for problem in caught.value.problems), caught.value
    remove(tmp_path / "approval.json")
    assert taken(document(), tmp_path).counts(now())


def test_the_same_approval_without_an_attack_is_taken(tmp_path: Path) -> None:
    for changes in (
        {},
        {"kind": "shell"},
        {"seconds": "60"},
        {"use_before": _at(23)},
        {"approver": "other-lead"},
    ):
        assert taken(document(**changes), tmp_path).counts(now())
    (tmp_path / "real.json").write_bytes(orjson.dumps(document()))
    (tmp_path / "approval.json").unlink()
    (tmp_path / "approval.json").symlink_to("real.json")
    assert taken(None, tmp_path).counts(now())


def test_every_reason_against_an_approval_is_told_at_once(tmp_path: Path) -> None:
    wrong = document(
        factory="other", cluster="else", use_before=_at(99), seat="US", namespace="nowhere", id="X"
    )
    wrong["signature"] = "x"
    with pytest.raises(SovereignError) as caught:
        taken(wrong, tmp_path)
    fields = {problem.where.field for problem in caught.value.problems}
    assert fields >= {"factory", "cluster", "id", "use_before", "approver", "namespace"}


USED: dict[str, Callable[[Path, bytes], object]] = {
    "by a grant": lambda path, good: path.write_bytes(good),
    **{
        f"by {name}": HOSTILE[name]
        for name in ("nothing", "half of it", "a pipe", "a folder", "a link to nowhere")
    },
}


@pytest.mark.parametrize("used", USED)
def test_an_approval_serves_once_whatever_is_left_of_the_grant(used: str, tmp_path: Path) -> None:
    data = document()
    first = taken(data, tmp_path)
    where = plane(tmp_path)
    write_grant(where, first)
    file = where.folder / "access" / f"{first.id}.json"
    good = file.read_bytes()
    file.unlink()
    USED[used](file, good)
    with pytest.raises(SovereignError, match="access-used"):
        taken(data, tmp_path)
    assert taken(document(), tmp_path).counts(now()), "another approval is another grant"


def _later(text: str, seconds: int) -> str:
    return (datetime.fromisoformat(text) + timedelta(seconds=seconds)).isoformat()


_TWO_DAYS = 2 * int(USE_WITHIN.total_seconds())
CHANGES: dict[str, Callable[[dict[str, str]], object]] = {
    "longer": lambda data: data.update(ends=_at(5)),
    "a little longer": lambda data: data.update(
        ends=(
            datetime.fromisoformat(data["begins"]) + timedelta(seconds=int(data["seconds"]) + 1)
        ).isoformat()
    ),
    "later than agreed": lambda data: data.update(
        begins=(now() + USE_WITHIN * 2).isoformat(),
        ends=(now() + USE_WITHIN * 2 + timedelta(1 / 48)).isoformat(),
    ),
    "earlier than agreed": lambda data: data.update(begins=_earlier(data["begins"])),
    "for somebody else": lambda data: data.update(person="somebody"),
    "in another namespace": lambda data: data.update(namespace="startups"),
    "with more rights": lambda data: data.update(kind="repair"),
    "of another cluster": lambda data: data.update(cluster="other"),
    "of another factory": lambda data: data.update(factory="other"),
    "by another approver": lambda data: data.update(approver="other-lead"),
    "by its own person": lambda data: data.update(approver="on-call"),
    "without a signature": lambda data: data.update(signature=""),
    "by a weak key": lambda data: data.update(signature=f"{text_of(NEUTRAL)}:{base64_text(FORGED)}"),
    "of another id": lambda data: data.update(id="aaaaaaaa"),
    "without an offset": lambda data: data.update(ends=data["ends"][:19]),
    "that ends before it begins": lambda data: data.update(ends=_at(-9)),
    "with a fact more": lambda data: data.update(more="x"),
    "with a fact less": lambda data: data.pop("person"),
}


def _earlier(text: str) -> str:
    return (datetime.fromisoformat(text) - timedelta(minutes=5)).isoformat()


SIGNED_SO: dict[str, dict[str, Any]] = {
    "for years": {"use_before": _at(24 * 365 * 10)},
    "for an hour more than a day": {"use_before": _at(25.1)},
    "of a factory with a cluster of this name": {"factory": "other"},
    "longer than any": {"seconds": "36000", "ends": now() + timedelta(hours=9)},
    "of the first year": {
        "begins": datetime(1, 1, 1, tzinfo=UTC),
        "ends": datetime(1, 1, 1, 1, tzinfo=UTC),
        "use_before": "0001-01-01T02:00:00+00:00",
    },
}
"""What an approver may sign with another program than `access approve`."""


@pytest.mark.parametrize("name", SIGNED_SO)
def test_a_record_of_what_no_approver_may_agree_to_opens_nothing(name: str, tmp_path: Path) -> None:
    """Whoever writes it did not ask `access grant`, which refuses it too."""
    where = plane(tmp_path)
    good, bad = agreed(id="00000001"), agreed(id="00000002", **SIGNED_SO[name])
    write_grant(where, good)
    write_grant(where, bad)
    assert _standing(where) == ["00000001"]


def _standing(where: ClusterDir) -> list[str]:
    return [record.grant.id for record in read_records(where)[0] if record.is_active(now())]


@pytest.mark.parametrize("change", CHANGES)
def test_a_record_that_is_changed_opens_nothing_and_hides_no_other(change: str, tmp_path: Path) -> None:
    where = plane(tmp_path)
    good, bad = agreed(id="00000001"), agreed(id="00000002")
    write_grant(where, good)
    write_grant(where, bad)
    assert _standing(where) == ["00000001", "00000002"]
    data = bad.to_data()
    CHANGES[change](data)
    (where.folder / "access" / "00000002.json").write_bytes(orjson.dumps(data))
    assert _standing(where) == ["00000001"]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("suffix", ["json", "revoked", "state"])
def test_a_file_of_a_grant_that_is_none_opens_nothing_and_hides_no_other(
    suffix: str, name: str, tmp_path: Path
) -> None:
    where = plane(tmp_path)
    good, bad = agreed(id="00000001"), agreed(id="00000002")
    write_grant(where, good)
    write_grant(where, bad)
    file = where.folder / "access" / f"00000002.{suffix}"
    content = file.read_bytes() if suffix == "json" else b'{"why": "", "closed": "now", "at": ""}'
    file.unlink(missing_ok=True)
    HOSTILE[name](file, content)
    assert _standing(where) == ["00000001"]
    lines = read_records(where)[1]
    assert all(line.isprintable() for line in lines)


REVIEWS: dict[str, Callable[[dict[str, Any], AccessGrant], object]] = {
    "another user asks": lambda spec, _: spec.update(user="system:admin"),
    "nobody asks": lambda spec, _: spec.pop("user"),
    "another group": lambda spec, _: spec["resourceAttributes"].update(group=""),
    "another verb": lambda spec, _: spec["resourceAttributes"].update(verb="*"),
    "a subresource": lambda spec, _: spec["resourceAttributes"].update(subresource="status"),
    "another resource": lambda spec, _: spec["resourceAttributes"].update(resource="grants"),
    "no name": lambda spec, _: spec["resourceAttributes"].pop("name"),
    "a list of names": lambda spec, grant: spec["resourceAttributes"].update(name=[grant.question]),
    "another namespace": lambda spec, grant: spec["resourceAttributes"].update(
        name=grant.question.replace("research/", "startups/", 1)
    ),
    "another person": lambda spec, grant: spec["resourceAttributes"].update(
        name=grant.question.replace("on-call", "\u043en-call")
    ),
    "another role": lambda spec, grant: spec["resourceAttributes"].update(
        name=grant.question.replace("look", "repair")
    ),
    "a blank behind it": lambda spec, grant: spec["resourceAttributes"].update(name=grant.question + " "),
    "capitals": lambda spec, grant: spec["resourceAttributes"].update(name=grant.question.upper()),
    "no attributes": lambda spec, _: spec.update(resourceAttributes=None),
}


@pytest.mark.parametrize("attack", [*REVIEWS, "ended", "not begun", "revoked", "closed"])
def test_the_operator_says_yes_to_its_own_question_alone(attack: str, tmp_path: Path) -> None:
    where, one = plane(tmp_path), agreed()
    write_grant(where, one)
    attributes = {"group": GROUP, "verb": VERB, "resource": BINDINGS, "name": one.question}
    spec: dict[str, Any] = {"user": REVIEW_USER, "resourceAttributes": attributes}
    at = one.begins
    assert decide({"spec": spec}, read_records(where)[0], NO_APPROVERS, at).honoured == one.id
    if attack in REVIEWS:
        REVIEWS[attack](spec, one)
    elif attack == "ended":
        at = one.ends
    elif attack == "not begun":
        at = one.begins - timedelta(seconds=1)
    elif attack == "revoked":
        write_revoked(where, one.id, "no need", at)
    else:
        (where.folder / "access" / f"{one.id}.state").write_bytes(b'{"closed": "now"}')
    assert decide({"spec": spec}, read_records(where)[0], NO_APPROVERS, at).honoured == ""


def test_hostile_files_are_hostile_to_some_reader() -> None:
    make: Make
    for make in HOSTILE.values():
        assert callable(make)
    assert len(HOSTILE) > 20
    assert grant().counts(grant().begins)
