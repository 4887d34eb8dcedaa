"""Names that every other system accepts, and the keys of labels and annotations.

DNS labels have at most 63 characters. The end of a longer name is replaced by a hash of the whole,
so that a name is always shortened in the same way, and two names do not get the same label.

    >>> label("train", "su0", "r03", "n1")
    'train-su0-r03-n1'
    >>> len(label("a" * 80)), label("a" * 80) == label("a" * 81)
    (63, False)
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.look_alikes import without_look_alikes

DNS_LABEL = r"^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$"
"""A label of RFC 1035, as Kubernetes requires it for names that become DNS names."""

SYSTEM_NAMESPACE = "sovereign-system"
"""The namespace of this program's own objects; it is in no zone."""

_MOST = 63
"""Characters of a DNS label and of a label value."""
_RESERVED = frozenset({"default", "kueue-system", SYSTEM_NAMESPACE})
_RESERVED_PREFIX = "kube-"
"""Kubernetes reserves this prefix for its own namespaces.

Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/
"""
_BETWEEN_WORDS = re.compile(r"[\W_]+")
_DNS_LABEL = re.compile(DNS_LABEL)


def is_label(text: str) -> bool:
    """Return whether the text is an RFC 1035 DNS label."""
    return _DNS_LABEL.fullmatch(text) is not None


def normal_name(text: str) -> str:
    """Return the normal form of a person's or a role's name, by which two names are compared.

    Compatible characters (NFKC), case, what separates words, and the alphabet of letters that look alike do
    not count.

    >>> normal_name(" Network  Lead") == normal_name("network-lead")
    True
    >>> normal_name("\u0455\u0441\u043e\u0440\u0435 lead")
    'scope lead'
    """
    # Before all else: compatibility and case lead some characters to other letters than they look like.
    latin = without_look_alikes(text)
    compatible = without_look_alikes(unicodedata.normalize("NFKC", latin))
    # Case folding may leave characters that NFKC composes differently, so the text is normalised once more.
    folded = without_look_alikes(unicodedata.normalize("NFKC", compatible.casefold()))
    return " ".join(_BETWEEN_WORDS.sub(" ", folded).split())


def is_reserved_namespace(name: str) -> bool:
    """Return whether a namespace belongs to the cluster, to Kueue or to this program, and so to no tenant.

    >>> is_reserved_namespace("kube-system"), is_reserved_namespace("research")
    (True, False)
    """
    return name in _RESERVED or name.startswith(_RESERVED_PREFIX)


def label(*parts: str, most: int = _MOST) -> str:
    """Return the parts joined with hyphens, as one DNS label of at most `most` characters.

    Raises:
        ValueError: the joined text has characters that no DNS label may have.
    """
    whole = "-".join(part for part in parts if part)
    short = whole
    if len(whole) > most:
        # A hyphen and eight hexadecimal digits.
        start = whole[: most - 9].rstrip("-")
        short = f"{start}-{_digest(whole)}"
    if not is_label(short):
        form = "lower-case letters, digits and hyphens, starting with a letter"
        raise ValueError(f"{whole!r} cannot be a DNS label: {form}")
    return short


def numbered_labels(*parts: str, count: int) -> tuple[str, ...]:
    """Return the labels of some parts and the numbers from 1, as `label` makes each of them.

    >>> numbered_labels("hall-r001", "pdu", count=2)
    ('hall-r001-pdu-1', 'hall-r001-pdu-2')

    Raises:
        ValueError: the joined text has characters that no DNS label may have.
    """
    stem = "-".join(part for part in parts if part)
    numbers = range(1, count + 1)
    # What is a label with one number is one with any, so that thousands of racks need no check of each PDU.
    if len(f"{stem}-{count}") <= _MOST and is_label(f"{stem}-1"):
        return tuple([f"{stem}-{number}" for number in numbers])
    return tuple(label(*parts, str(number)) for number in numbers)


def _digest(text: str) -> str:
    """Return the first eight hexadecimal digits of a text's SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def label_value(text: str) -> str:
    """Return a valid label value for any text: at most 63 of letters, digits, `-`, `_` and `.`.

    A text always gets the same value, and two texts do not get the same one.
    """
    clean = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-_.")
    if clean == text and len(clean) <= _MOST:
        return clean
    # Also where only a character was replaced: another text could have had the replacement in its place.
    start = clean[: _MOST - 9].rstrip("-_.")
    return f"{start}-{_digest(text)}".lstrip("-")


@frozen_dataclass
class Keys:
    """The keys of labels and annotations; an instance with other domains changes all of them.

    Attributes:
        domain: the domain of this program's own keys. `.internal` is reserved for private use, so that no
            key collides with a registered domain.
        restricted: a domain whose labels the NodeRestriction admission plugin forbids kubelets to set, so
            that only the control plane decides the zone and the jurisdiction of a node.
        fabric: the domain of Topograph's fabric tiers.
        accelerator: the domain of Topograph's accelerator domains.
    """

    domain: str = "sovereign-ai.internal"
    restricted: str = "sovereign.node-restriction.kubernetes.io"
    fabric: str = "fabric.topograph.run"
    accelerator: str = "accelerator.topograph.run"

    @property
    def owner(self) -> str:
        """The owner: always the value `sovereign-ai`."""
        return f"{self.domain}/owner"

    @property
    def factory(self) -> str:
        """The factory's name."""
        return f"{self.domain}/factory"

    @property
    def stack(self) -> str:
        """The stack that deployed the object: a UUID, so that no two stacks share an object."""
        return f"{self.domain}/stack"

    @property
    def component(self) -> str:
        """The typed component that the object belongs to, such as `pool.train`."""
        return f"{self.domain}/component"

    @property
    def pool(self) -> str:
        """The GPU node pool's name, on nodes."""
        return f"{self.domain}/pool"

    @property
    def scalable_unit(self) -> str:
        """The scalable unit of a node."""
        return f"{self.domain}/scalable-unit"

    @property
    def rack(self) -> str:
        """The rack of a node."""
        return f"{self.domain}/rack"

    @property
    def hall(self) -> str:
        """The hall of a node."""
        return f"{self.domain}/hall"

    @property
    def tenant(self) -> str:
        """The tenant of a namespace."""
        return f"{self.domain}/tenant"

    @property
    def team(self) -> str:
        """The team of a tenant that a piece of work is accounted to."""
        return f"{self.domain}/team"

    @property
    def zone(self) -> str:
        """The security zone of a node; trusted, because only the control plane sets it."""
        return f"{self.restricted}/zone"

    @property
    def namespace_zone(self) -> str:
        """The security zone of a namespace."""
        return f"{self.domain}/zone"

    @property
    def jurisdiction(self) -> str:
        """The country code of a node's jurisdiction; trusted, because only the control plane sets it."""
        return f"{self.restricted}/jurisdiction"

    def tier(self, level: int) -> str:
        """Return Topograph's key of a fabric tier: the switch of that tier above a node."""
        return f"{self.fabric}/tier-{level}"

    @property
    def nvlink_domain(self) -> str:
        """Topograph's key of the accelerator (NVLink) domain."""
        return f"{self.accelerator}/domain"


KEYS = Keys()
OWNER = "sovereign-ai"
MANAGEMENT_ROLE = "node-role.kubernetes.io/management"
"""Label and taint of a management node, in the form in which Kubernetes writes the roles of nodes."""
NODE_WRITER = "sovereign-ai:machines"
"""The user that sets the zone and country of nodes; who may impersonate it acts as it.

See `rules/objects/machines.py`.
"""
ADMIN_GROUP = "sovereign-ai:admins"
"""The group of the administrators of a local control plane."""
OPERATOR_USER = "sovereign-ai:operator"
"""The user that the operator beside a local control plane is."""


def tenant_groups(tenant: str) -> tuple[str, str]:
    """Return the groups of a tenant's people: those who may work, and those who may read.

    >>> tenant_groups("research")
    ('tenant:research', 'tenant:research:viewers')
    """
    return f"tenant:{tenant}", f"tenant:{tenant}:viewers"
