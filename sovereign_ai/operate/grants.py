"""A grant of break-glass access: one person, one namespace, one kind of access, a reason, and an end within hours.

Nothing can be left open: a grant without an end cannot be made, and neither the person nor anybody who asks
on their behalf is the one who agrees.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sovereign_ai.catalog.jurisdictions import countries, expand
from sovereign_ai.cluster.operator import ACCESS_ROLES, access_role
from sovereign_ai.errors import Problem, UsageError, Where, nearest
from sovereign_ai.names import KEYS, is_label
from sovereign_ai.rules.asked import BREAK_GLASS, BREAK_GLASS_USER
from sovereign_ai.rules.break_glass import APPROVER, ENDS, REASON
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.units import Seconds

MOST = timedelta(hours=4)
"""The longest break-glass access: half a shift, as a choice of this project; who needs more asks again."""
LABELS = {KEYS.component: "break-glass"}
"""What every binding of break-glass access carries."""
_ID = re.compile(r"[0-9a-f]{8}")
_RBAC = "rbac.authorization.k8s.io"
_LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Grant:
    """Break-glass access for one person.

    Attributes:
        id: eight hexadecimal digits, random.
        person: who gets it, a DNS label.
        approver: who agreed, a DNS label; never the person.
        reason: why, in one line.
        seat: the country from which the person works.
        namespace: where.
        kind: a key of `ACCESS_ROLES`.
        begins: from when, UTC.
        ends: the first moment at which it no longer counts, UTC.
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

    @property
    def user(self) -> str:
        """The user name that its certificate certifies; no two grants share one."""
        return f"{BREAK_GLASS_USER}{self.person}:{self.id}"

    @property
    def name(self) -> str:
        """The name of its binding."""
        return f"{BREAK_GLASS}{self.id}"

    @property
    def question(self) -> str:
        """What admission asks about its binding: where it is, what it binds, and to whom."""
        return "/".join((self.namespace, self.name, "ClusterRole", access_role(self.kind), "User", self.user))

    def counts(self, now: datetime) -> bool:
        """Tell whether it counts at a moment; one longer than `MOST` never does, however it was made."""
        return self.begins <= now < self.ends and self.ends - self.begins <= MOST

    def binding(self) -> dict[str, Any]:
        """Give the binding that gives the access."""
        notes = {ENDS: self.ends.isoformat(), REASON: self.reason, APPROVER: self.approver}
        return {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": self.name, "namespace": self.namespace, "labels": dict(LABELS), "annotations": notes},
            "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": access_role(self.kind)},
            "subjects": [{"apiGroup": _RBAC, "kind": "User", "name": self.user}],
        }

    def to_data(self) -> dict[str, str]:
        """Give plain data."""
        return asdict(self) | {"begins": self.begins.isoformat(), "ends": self.ends.isoformat()}

    @classmethod
    def from_data(cls, data: Mapping[str, str]) -> Grant:
        """Read plain data.

        Raises:
            ValueError: it is no grant.
        """
        try:
            times: dict[str, Any] = {name: datetime.fromisoformat(data[name]) for name in ("begins", "ends")}
            found = cls(**{**data, **times})
        except (TypeError, KeyError) as error:
            message = f"no grant: {error}"
            raise ValueError(message) from None
        sound = _ID.fullmatch(found.id) and found.begins.tzinfo is not None and found.ends.tzinfo is not None
        if not sound or found.kind not in ACCESS_ROLES or not is_label(found.person) or not is_label(found.namespace):
            message = "no grant: its id, times, kind, person or namespace are none"
            raise ValueError(message)
        return found


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
) -> Grant:
    """Make a grant that may be.

    Args:
        factory: the description, whose residency policies say from where people reach data.
        zones: namespace of a tenant to its zone.
        person: who gets it.
        approver: who agreed.
        reason: why.
        seat: the country from which the person works.
        namespace: where.
        kind: a key of `ACCESS_ROLES`.
        lasting: for how long.
        now: from when, UTC.

    Raises:
        UsageError: every reason why it may not be.
    """
    begins = now.replace(microsecond=0)
    problems = [
        *_names(person, approver, reason),
        *_place(factory, zones, namespace, seat),
        *_known(kind, ACCESS_ROLES, "kind"),
    ]
    if not timedelta(0) < lasting <= MOST:
        message = f"it would last {_span(lasting)}; the most is {_span(MOST)}"
        problems.append(Problem("bad-access", message, Where(field="for"), "ask again when it ends"))
    if problems:
        raise UsageError(problems)
    return Grant(secrets.token_hex(4), person, approver, reason, seat, namespace, kind, begins, begins + lasting)


def _span(lasting: timedelta) -> str:
    """Write a time span."""
    return str(Seconds(max(0, round(lasting.total_seconds()))))


def _names(person: str, approver: str, reason: str) -> Iterator[Problem]:
    """Say what is wrong with who and why."""
    for field, text in (("person", person), ("approver", approver)):
        if not is_label(text):
            hint = "use lower-case letters, digits and hyphens, starting with a letter"
            yield Problem("bad-access", f"{text!r} names nobody", Where(field=field), hint)
    if person.strip().casefold() == approver.strip().casefold():
        yield Problem("bad-access", "who gets access cannot agree to it", Where(field="approver"), "name another one who agreed")
    if not reason.strip() or len(reason) > _LONGEST_REASON or not reason.isprintable():
        hint = f"write one line of at most {_LONGEST_REASON} characters"
        yield Problem("bad-access", "it needs a reason that can be read", Where(field="reason"), hint)


def _place(factory: AIFactory, zones: Mapping[str, str], namespace: str, seat: str) -> Iterator[Problem]:
    """Say why nobody may reach that namespace from there (STF-001 holds the same for staff)."""
    yield from _known(namespace, zones, "namespace")
    if seat not in {one.code for one in countries()}:
        yield Problem("bad-access", f"{seat!r} is no country that the catalogue knows", Where(field="from"), "write a code such as DE")
        return
    for policy in factory.residency:
        applies = not policy.zones or zones.get(namespace) in policy.zones
        if applies and seat not in expand(policy.staff_access):
            message = f"{policy.data} data may be reached from {', '.join(policy.staff_access)} only, and {seat} is not in it"
            yield Problem("bad-access", message, Where(field="from"), "have somebody there do it")


def _known(text: str, names: Collection[str], field: str) -> Iterator[Problem]:
    """Say that there is no such thing."""
    if text not in names:
        yield Problem("bad-access", f"there is no {field} {text!r}", Where(field=field), nearest(text, sorted(names)))
