"""Grants of break-glass access: a person, a namespace, a kind of access, a reason, and an end within hours.

A grant without an end cannot be made, and a grant counts only with the signature of an approver who is
another person.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sovereign_ai.catalog import countries, expand
from sovereign_ai.cluster import ACCESS_ROLES, access_role
from sovereign_ai.errors import Problem, UsageError, Where, nearest
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import KEYS, is_label, normal_name
from sovereign_ai.rules import ACCESS_TYPE, access_payload, explain_refusal, is_signed
from sovereign_ai.rules.objects.break_glass import APPROVER, ENDS, REASON
from sovereign_ai.rules.waiver_review import BREAK_GLASS, BREAK_GLASS_USER
from sovereign_ai.spec import AIFactory
from sovereign_ai.units import Seconds

MOST = timedelta(hours=4)
"""The longest break-glass access: half a shift, as a choice of this project; more needs a new approval."""
USE_WITHIN = timedelta(hours=24)
"""How long an approval may be used; an older one was for another situation."""
AGREED = (
    "id",
    "factory",
    "cluster",
    "person",
    "approver",
    "reason",
    "seat",
    "namespace",
    "kind",
    "seconds",
    "use_before",
)
"""The fields that the approver signs."""
LABELS = {KEYS.component: "break-glass"}
"""The labels of every binding of break-glass access."""
_ID = re.compile(r"[0-9a-f]{8}")
_RBAC = "rbac.authorization.k8s.io"
_LONGEST_REASON = 500
_WRITTEN_BY_APPROVE = "name what `access approve` wrote"


@frozen_dataclass
class AccessGrant:
    """Break-glass access for one person.

    Attributes:
        id: eight hexadecimal digits, random.
        person: the person who gets it, a DNS label.
        approver: the person who agreed, a DNS label; never the same.
        reason: the reason, in one line.
        seat: the country from which the person works.
        namespace: the namespace.
        kind: a key of `ACCESS_ROLES`.
        begins: the first moment at which it counts, UTC.
        ends: the first moment at which it no longer counts, UTC.
        factory: the factory's name, which the approver's signature covers.
        cluster: the plan's name for the cluster.
        seconds: for how long the approver agreed, at most.
        use_before: until when it may begin, in ISO 8601 with an offset.
        signature: the approver's own, `KEY:SIGNATURE`; without it the grant never counts.
    """

    id: str
    person: str
    approver: str
    reason: str
    seat: str
    namespace: str
    kind: str
    begins: datetime
    ends: datetime
    factory: str = ""
    cluster: str = ""
    seconds: str = ""
    use_before: str = ""
    signature: str = ""

    @property
    def user(self) -> str:
        """The user name in its certificate; no two grants share one."""
        return f"{BREAK_GLASS_USER}{self.person}:{self.id}"

    @property
    def name(self) -> str:
        """The name of its binding."""
        return f"{BREAK_GLASS}{self.id}"

    @property
    def question(self) -> str:
        """The text by which admission asks about its binding: namespace, name, role and user."""
        role = access_role(self.kind)
        return f"{self.namespace}/{self.name}/ClusterRole/{role}/User/{self.user}"

    def counts(self, now: datetime) -> bool:
        """Return whether it counts at a moment; one that is not approved never does."""
        return self.begins <= now < self.ends and self.is_approved

    @property
    def agreed(self) -> dict[str, str]:
        """The facts that the approver signs: all but the moments at which it really begins and ends."""
        return {name: getattr(self, name) for name in AGREED}

    @property
    def agreed_at(self) -> datetime:
        """The moment at which the approver agreed, by the approver's clock.

        Raises:
            ValueError: the time until which it may begin is none.
        """
        return datetime.fromisoformat(self.use_before) - USE_WITHIN

    @property
    def is_approved(self) -> bool:
        """Whether another person signed it, and it begins and ends within what was agreed and may be agreed.

        What was agreed serves from then on, for `USE_WITHIN`: access from before it, or by an approval for
        good, counts as little as access that is longer than `MOST`.
        """
        # Compared in their normal form: `On Call` is `on-call`.
        if normal_name(self.person) == normal_name(self.approver):
            return False
        try:
            within = self.ends - self.begins <= min(timedelta(seconds=int(self.seconds)), MOST)
            left = datetime.fromisoformat(self.use_before) - self.begins
        except (ValueError, TypeError, OverflowError):
            return False
        if not within or not timedelta(0) <= left <= USE_WITHIN:
            return False
        return is_signed(self.signature, ACCESS_TYPE, access_payload(self.agreed))

    def binding(self) -> dict[str, Any]:
        """Return the binding that gives the access."""
        notes = {ENDS: self.ends.isoformat(), REASON: self.reason, APPROVER: self.approver}
        return {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": {
                "name": self.name,
                "namespace": self.namespace,
                "labels": dict(LABELS),
                "annotations": notes,
            },
            "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": access_role(self.kind)},
            "subjects": [{"apiGroup": _RBAC, "kind": "User", "name": self.user}],
        }

    def to_data(self) -> dict[str, str]:
        """Return plain data."""
        data = asdict(self)
        data["begins"], data["ends"] = self.begins.isoformat(), self.ends.isoformat()
        return data

    @classmethod
    def from_data(cls, data: Mapping[str, str]) -> AccessGrant:
        """Return the grant of plain data.

        Raises:
            ValueError: it is no grant.
        """
        values: dict[str, Any] = dict(data)
        try:
            for name in ("begins", "ends"):
                values[name] = _in_utc(data[name])
            grant = cls(**values)
        except (TypeError, KeyError) as error:
            message = f"no grant: {error}"
            raise ValueError(message) from None
        # The id becomes a file's name and part of a user's.
        has_names = is_label(grant.person) and is_label(grant.namespace)
        if not (_ID.fullmatch(grant.id) and has_names and grant.kind in ACCESS_ROLES):
            message = "no grant: its id, times, kind, person or namespace is not valid"
            raise ValueError(message)
        return grant


def _in_utc(text: str) -> datetime:
    """Return the moment of a text, whose day is that of UTC: whoever writes it chooses the offset.

    Raises:
        ValueError: it is no time with an offset, or none that UTC has.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("no grant: its times have no offset")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("no grant: its times are beyond all calendars") from None


def grant_of(
    factory: AIFactory, zones: Mapping[str, str], cluster: str, approval: Mapping[str, Any], now: datetime
) -> AccessGrant:
    """Make a grant from an approver's signed approval.

    Args:
        factory: the description, which lists the approver's key.
        zones: namespace of each tenant to its zone.
        cluster: the plan's name for the cluster.
        approval: `access`, the facts that were agreed, and `signature`, as `access approve` wrote them.
        now: the moment it begins, UTC.

    Raises:
        UsageError: it is no approval, or every reason why it may not be granted.
    """
    agreed, signature = _agreed(approval)
    try:
        lasting = timedelta(seconds=int(agreed["seconds"]))
        use_before = datetime.fromisoformat(agreed["use_before"])
    except (ValueError, OverflowError):
        problem = Problem("bad-approval", "its times cannot be read", hint=_WRITTEN_BY_APPROVE)
        raise UsageError(problem) from None
    problems = [*_elsewhere(agreed, factory, cluster), *_untimely(agreed, use_before, now)]
    # The approver must be listed on the day of use, or on the approval's last day where that has passed.
    agreed_on = min(now, use_before).date() if use_before.tzinfo else now.date()
    payload = access_payload(agreed)
    why = explain_refusal(factory, agreed["approver"], signature, ACCESS_TYPE, payload, agreed_on)
    if why:
        hint = "list the approver with a key under `approvers`; "
        hint += "have the approver run `sovereign-ai access approve`"
        problems.append(Problem("unapproved", why, Where(field="approver"), hint))
    request = {name: agreed[name] for name in ("person", "approver", "reason", "seat", "namespace", "kind")}
    try:
        made = make_grant(factory, zones, lasting=lasting, now=now, **request)
    except UsageError as error:
        raise UsageError([*problems, *error.problems]) from None
    if problems:
        raise UsageError(problems)
    # `make_grant` chose an id and a time of use; the approver signed others.
    grant = replace(
        made,
        id=agreed["id"],
        factory=agreed["factory"],
        cluster=agreed["cluster"],
        use_before=agreed["use_before"],
        signature=signature,
    )
    # Else the log would hold access that the operator refuses: its facts are not those that were signed.
    if not grant.is_approved:
        message = "it is written otherwise than `access approve` writes it"
        raise UsageError(Problem("bad-approval", message, hint=_WRITTEN_BY_APPROVE))
    return grant


def _agreed(approval: Mapping[str, Any]) -> tuple[Mapping[str, str], str]:
    """Return the agreed facts of an approval, and its signature.

    Raises:
        UsageError: it is no approval.
    """
    agreed, signature = approval.get("access"), approval.get("signature")
    if isinstance(agreed, Mapping) and isinstance(signature, str):
        are_texts = all(isinstance(value, str) for value in agreed.values())
        # Exactly the signed fields: another one would be granted without an agreement.
        if are_texts and {*agreed} == {*AGREED}:
            return agreed, signature
    message = "it is no approval of break-glass access"
    raise UsageError(Problem("bad-approval", message, hint=_WRITTEN_BY_APPROVE))


def _elsewhere(agreed: Mapping[str, str], factory: AIFactory, cluster: str) -> Iterator[Problem]:
    """Yield the problems of an approval that is for another factory or cluster."""
    for field, requested in (("factory", factory.name), ("cluster", cluster)):
        if agreed[field] != requested:
            message = f"it was agreed for {field} {agreed[field]!r}, and not for {requested!r}"
            yield Problem("bad-approval", message, Where(field=field), "have it approved for this one")
    if not _ID.fullmatch(agreed["id"]):
        yield Problem("bad-approval", "its id is not valid", Where(field="id"), _WRITTEN_BY_APPROVE)


def _untimely(agreed: Mapping[str, str], use_before: datetime, now: datetime) -> Iterator[Problem]:
    """Yield the problem of an approval that has ended, or that may be used for longer than any."""
    if use_before.tzinfo is None or not now <= use_before <= now + USE_WITHIN:
        message = f"it may be used until {agreed['use_before']}, which has passed or is too far away"
        yield Problem("old-approval", message, Where(field="use_before"), "have it approved once more")


def make_grant(
    factory: AIFactory,
    zones: Mapping[str, str],
    *,
    person: str,
    approver: str,
    reason: str,
    seat: str,
    namespace: str,
    kind: str,
    lasting: timedelta,
    now: datetime,
) -> AccessGrant:
    """Make a permissible grant without its approver's signature; it counts only with one.

    Args:
        factory: the description, whose residency policies list the countries from which staff may reach data.
        zones: namespace of a tenant to its zone.
        person: the person who gets it.
        approver: the person who agreed.
        reason: the reason.
        seat: the country from which the person works.
        namespace: the namespace.
        kind: a key of `ACCESS_ROLES`.
        lasting: its duration.
        now: its beginning, UTC.

    Raises:
        UsageError: every reason why it may not be granted.
    """
    # Records and certificates have whole seconds.
    begins = now.replace(microsecond=0)
    problems = [
        *_names(person, approver, reason),
        *_place(factory, zones, namespace, seat),
        *_known(kind, ACCESS_ROLES, "kind"),
    ]
    if not timedelta(0) < lasting <= MOST:
        message = f"it would last {_span(lasting)}; the most is {_span(MOST)}"
        hint = "ask for another one when it ends"
        problems.append(Problem("bad-access", message, Where(field="for"), hint))
    if problems:
        raise UsageError(problems)
    return AccessGrant(
        id=secrets.token_hex(4),
        person=person,
        approver=approver,
        reason=reason,
        seat=seat,
        namespace=namespace,
        kind=kind,
        begins=begins,
        ends=begins + lasting,
        factory=factory.name,
        seconds=str(int(lasting.total_seconds())),
        use_before=(begins + USE_WITHIN).isoformat(),
    )


def _span(lasting: timedelta) -> str:
    """Return a time span in words."""
    seconds = max(0, round(lasting.total_seconds()))
    return str(Seconds(seconds))


def _names(person: str, approver: str, reason: str) -> Iterator[Problem]:
    """Yield what is wrong with the person, the approver and the reason."""
    for field, text in (("person", person), ("approver", approver)):
        if not is_label(text):
            hint = "use lower-case letters, digits and hyphens, starting with a letter"
            yield Problem("bad-access", f"{text!r} names nobody", Where(field=field), hint)
    if normal_name(person) == normal_name(approver):
        message, hint = "who gets access cannot agree to it", "name another person who agreed"
        yield Problem("bad-access", message, Where(field="approver"), hint)
    # The reason is a line of logs and an annotation.
    if not reason.strip() or len(reason) > _LONGEST_REASON or not reason.isprintable():
        hint = f"write one line of at most {_LONGEST_REASON} characters"
        yield Problem("bad-access", "it needs a reason that can be read", Where(field="reason"), hint)


def _place(factory: AIFactory, zones: Mapping[str, str], namespace: str, seat: str) -> Iterator[Problem]:
    """Yield why nobody may reach that namespace from there (STF-001 states the same for staff)."""
    yield from _known(namespace, zones, "namespace")
    if seat not in {country.code for country in countries()}:
        message = f"{seat!r} is no country that the catalogue knows"
        yield Problem("bad-access", message, Where(field="from"), "write a code such as DE")
        return
    for policy in factory.residency:
        # A policy without zones applies to all of them.
        applies = not policy.zones or zones.get(namespace) in policy.zones
        if applies and seat not in expand(policy.staff_access):
            permitted = ", ".join(policy.staff_access)
            message = f"{policy.data} data may be reached from {permitted} only, and {seat} is not in it"
            yield Problem("bad-access", message, Where(field="from"), "have somebody there do it")


def _known(text: str, names: Collection[str], field: str) -> Iterator[Problem]:
    """Yield the problem of a name that does not exist."""
    if text not in names:
        hint = nearest(text, sorted(names))
        yield Problem("bad-access", f"there is no {field} {text!r}", Where(field=field), hint)
