"""Who may speak to whom, from namespaces' labels and network policies together, as a network plugin reads
them.

Only what the renderer writes is understood: selectors of namespaces by labels, every pod of a namespace,
blocks of addresses, single ports. Anything else is an error, so that nothing is overlooked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Spec = Mapping[str, Any]
Port = tuple[str, int]
Way = tuple[str, str, Port]
"""From which namespace, to which namespace or block, by which port."""
_ANY: Port = ("TCP", 1)
"""A port that no description names: open only where every port is."""


@dataclass(frozen=True)
class State:
    """Namespaces and policies at one moment.

    Attributes:
        namespaces: name to labels.
        policies: namespace and name to specification.
    """

    namespaces: Mapping[str, Mapping[str, str]]
    policies: Mapping[tuple[str, str], Spec]

    @classmethod
    def of(cls, objects: Iterable[Mapping[str, Any]]) -> State:
        """Take the state from rendered or live objects."""
        listed = list(objects)
        names = {obj["metadata"]["name"]: _labels(obj) for obj in listed if obj["kind"] == "Namespace"}
        found = {
            (obj["metadata"]["namespace"], obj["metadata"]["name"]): obj["spec"]
            for obj in listed
            if obj["kind"] == "NetworkPolicy"
        }
        return cls(names, found)

    def ports(self) -> set[Port]:
        """Return every port that a policy names."""
        rules = [
            rule
            for spec in self.policies.values()
            for part in ("ingress", "egress")
            for rule in spec.get(part, ())
        ]
        return {
            (port.get("protocol", "TCP"), port["port"]) for rule in rules for port in rule.get("ports", ())
        }

    def blocks(self) -> set[str]:
        """Return every block of addresses that a policy names."""
        rules = [rule for spec in self.policies.values() for rule in spec.get("egress", ())]
        return {peer["ipBlock"]["cidr"] for rule in rules for peer in rule.get("to", ()) if "ipBlock" in peer}

    def ways(self, ports: Iterable[Port], blocks: Iterable[str]) -> Iterator[Way]:
        """Yield every way that is open, between namespaces and to blocks of addresses."""
        asked, outside = [*ports, _ANY], list(blocks)
        for source in self.namespaces:
            for port in asked:
                for target in self.namespaces:
                    if (
                        source != target
                        and self._lets_out(source, target, port)
                        and self._lets_in(source, target, port)
                    ):
                        yield source, target, port
                for block in outside:
                    if self._lets_out(source, block, port):
                        yield source, block, port

    def _lets_out(self, source: str, target: str, port: Port) -> bool:
        return self._allows(source, "Egress", "to", target, port)

    def _lets_in(self, source: str, target: str, port: Port) -> bool:
        return self._allows(target, "Ingress", "from", source, port)

    def _allows(self, own: str, kind: str, peers: str, other: str, port: Port) -> bool:
        """Return whether a namespace's policies of one direction allow a peer.

        All is open where there is none.
        """
        specs = [
            spec
            for (namespace, _), spec in self.policies.items()
            if namespace == own and kind in spec.get("policyTypes", ())
        ]
        if not specs:
            return True
        rules = [rule for spec in specs for rule in spec.get(kind.lower(), ())]
        return any(self._matches(rule, peers, own, other, port) for rule in rules)

    def _matches(self, rule: Mapping[str, Any], peers: str, own: str, other: str, port: Port) -> bool:
        ports = rule.get("ports")
        if ports and port not in {(one.get("protocol", "TCP"), one["port"]) for one in ports}:
            return False
        assert not any("endPort" in one for one in ports or ())
        listed = rule.get(peers)
        return not listed or any(self._is(peer, own, other) for peer in listed)

    def _is(self, peer: Mapping[str, Any], own: str, other: str) -> bool:
        assert set(peer) <= {"ipBlock", "namespaceSelector", "podSelector"}, peer
        if "ipBlock" in peer:
            return bool(peer["ipBlock"]["cidr"] == other)
        if "namespaceSelector" not in peer:
            return own == other
        selector = peer["namespaceSelector"]
        assert set(selector) <= {"matchLabels"}, selector
        there = self.namespaces.get(other)
        return there is not None and selector.get("matchLabels", {}).items() <= there.items()


def _labels(namespace: Mapping[str, Any]) -> dict[str, str]:
    """Return a namespace's labels, with the one that the API server adds."""
    meta = namespace["metadata"]
    return {**(meta.get("labels") or {}), "kubernetes.io/metadata.name": meta["name"]}
