"""Names that every other system accepts, and the label keys that carry our meaning.

DNS labels have at most 63 characters; where a name is longer, its end is replaced by a hash of
the whole, so that the same name always shortens the same way and two names do not meet.

    >>> label("train", "su0", "r03", "n1")
    'train-su0-r03-n1'
    >>> len(label("a" * 80)), label("a" * 80) == label("a" * 81)
    (63, False)
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

DNS_LABEL = r"^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$"
"""RFC 1035 label, as Kubernetes wants it for names that become DNS names."""

SYSTEM_NAMESPACE = "sovereign-system"
"""Our own namespace; it lies in no zone."""

_MOST = 63
_TAKEN = frozenset({"default", "kueue-system", SYSTEM_NAMESPACE})
_TAKEN_PREFIX = "kube-"
"""Kubernetes keeps this prefix for its own namespaces (https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/)."""
_DNS_LABEL = re.compile(DNS_LABEL)


def is_label(text: str) -> bool:
    """Tell whether the text is an RFC 1035 DNS label."""
    return _DNS_LABEL.fullmatch(text) is not None


def is_taken_namespace(name: str) -> bool:
    """Tell whether a namespace is the cluster's own, Kueue's or ours, and so no tenant's.

    >>> is_taken_namespace("kube-system"), is_taken_namespace("research")
    (True, False)
    """
    return name in _TAKEN or name.startswith(_TAKEN_PREFIX)


def label(*parts: str, most: int = _MOST) -> str:
    """Join parts with hyphens into one DNS label of at most `most` characters.

    Raises:
        ValueError: the joined text has characters that no DNS label may have.
    """
    whole = "-".join(part for part in parts if part)
    if len(whole) > most:
        digest = hashlib.sha256(whole.encode()).hexdigest()[:8]
        whole_short = f"{whole[: most - 9].rstrip('-')}-{digest}"
    else:
        whole_short = whole
    if not is_label(whole_short):
        message = f"{whole!r} cannot be a DNS label: lower-case letters, digits and hyphens, starting with a letter"
        raise ValueError(message)
    return whole_short


def label_value(text: str) -> str:
    """Make any text a valid label value (at most 63 of letters, digits, `-`, `_`, `.`), stable and without meetings."""
    clean = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-_.")
    if clean == text and len(clean) <= _MOST:
        return clean
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{clean[: _MOST - 9].rstrip('-_.')}-{digest}".lstrip("-")


@dataclass(frozen=True, slots=True)
class Keys:
    """The label and annotation keys; build another one with your own domains to change them all.

    `domain` is for what we own. `.internal` is the name space reserved for private use, so no
    key of ours can collide with anybody's registered domain. `restricted` lies under the suffix
    that the NodeRestriction admission plugin forbids kubelets to set, so only the control plane
    can say in which zone or under which law a node stands.
    """

    domain: str = "sovereign-ai.internal"
    restricted: str = "sovereign.node-restriction.kubernetes.io"
    fabric: str = "fabric.topograph.run"
    accelerator: str = "accelerator.topograph.run"

    @property
    def owner(self) -> str:
        """Who made it: always the value `sovereign-ai`."""
        return f"{self.domain}/owner"

    @property
    def factory(self) -> str:
        """The factory's name."""
        return f"{self.domain}/factory"

    @property
    def component(self) -> str:
        """The typed component it comes from, `pool.train`."""
        return f"{self.domain}/component"

    @property
    def pool(self) -> str:
        """The GPU node pool's name, on nodes."""
        return f"{self.domain}/pool"

    @property
    def scalable_unit(self) -> str:
        """The scalable unit a node belongs to."""
        return f"{self.domain}/scalable-unit"

    @property
    def rack(self) -> str:
        """The rack a node stands in."""
        return f"{self.domain}/rack"

    @property
    def hall(self) -> str:
        """The hall a node stands in."""
        return f"{self.domain}/hall"

    @property
    def tenant(self) -> str:
        """The tenant a namespace belongs to."""
        return f"{self.domain}/tenant"

    @property
    def zone(self) -> str:
        """The security zone, trusted: set by the control plane alone."""
        return f"{self.restricted}/zone"

    @property
    def namespace_zone(self) -> str:
        """The security zone of a namespace."""
        return f"{self.domain}/zone"

    @property
    def jurisdiction(self) -> str:
        """The country code whose law holds where the node stands, trusted: set by the control plane alone."""
        return f"{self.restricted}/jurisdiction"

    def tier(self, level: int) -> str:
        """The fabric tier a node hangs under, Topograph's key."""
        return f"{self.fabric}/tier-{level}"

    @property
    def nvlink_domain(self) -> str:
        """The accelerator (NVLink) domain, Topograph's key."""
        return f"{self.accelerator}/domain"


KEYS = Keys()
OWNER = "sovereign-ai"
