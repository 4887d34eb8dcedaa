"""Fields in which a place can be written, each with its condition, as CEL.

A field is named by its path (`field_paths.py`), and its condition by a word (`Must`). What the words mean is
in modules by topic: `permitted_places.py`, `environment_variables.py`, `storage_parameters.py` …

    >>> permitted(Field("a", "absent"))
    '(!has(object.a) || object.a == null || size(object.a) == 0)'
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Literal

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.rules.cel.field_paths import each, steps_of
from sovereign_ai.rules.cel.literals import literal
from sovereign_ai.rules.places.addon_conditions import (
    calico_own,
    cilium_agent,
    cilium_egress,
    cilium_own,
    cilium_peer,
    headers_stay,
    leading_headers_left_out,
    no_target,
    origin_stays,
    own_cluster,
    own_hosts,
    own_mesh,
    own_path,
)
from sovereign_ai.rules.places.config_map_entries import entries_as_settings
from sovereign_ai.rules.places.environment_variables import variable
from sovereign_ai.rules.places.permitted_places import address_range, place, private_address, text
from sovereign_ai.rules.places.sent_work import (
    managed_here_or_sent,
    sending_check,
    sending_queue,
    sent_to,
    worker,
    worker_named,
    worker_of,
    worker_of_namespace,
)
from sovereign_ai.rules.places.storage_parameters import parameters_and_encryption

Must = Literal[
    "absent",
    "unset",
    "own-namespace",
    "no-tenant",
    "place",
    "text",
    "command",
    "range",
    "class",
    "image",
    "runtime",
    "variable",
    "settings",
    "parameters",
    "opaque",
    "cilium-own",
    "cilium-egress",
    "cilium-peer",
    "calico-own",
    "named",
    "no-target",
    "own-hosts",
    "own-mesh",
    "own-cluster",
    "own-path",
    "header",
    "header-map",
    "no-header",
    "private",
    "agent",
    "one-of",
    "manager",
    "sending-queue",
    "sending-check",
    "sent-to",
    "worker-of",
    "worker",
    "worker-named",
    "worker-of-namespace",
    "configs",
    "allowed-keys",
    "names-object",
    "origin",
    "forbidden-keys",
    "required-keys",
]
"""The condition on a field.

* `absent`: left out or empty; `unset`: left out or false.
* `own-namespace`: the object's own namespace; `no-tenant`: a namespace outside the zones.
* `place`: a permitted place; `text`: a text that names permitted places only; `command`: a list of them,
  which is read as one text, since the value of an option may be an argument of its own.
* `range`: an address range within a declared one.
* `class`: a storage class of the zone; `image`: an image of a declared registry.
* `runtime`: a container runtime that runs pods on their own node.
* `variable`: a variable of the environment that names permitted places only; `settings`: a mapping of them.
* `parameters`: parameters of a storage driver; `opaque`: those of a device's driver, of whatever form.
* `cilium-own`: labels by which Cilium selects pods of the own namespace; `cilium-egress`: a rule that selects
  by such labels, or the cluster's DNS and its port.
* `calico-own`: a rule of Calico that narrows, or whose peers are pods of the own namespace.
* `cilium-peer`: a rule of Cilium that names its peers; `own-hosts`, `own-mesh`: a configuration of Istio that
  takes effect on the own namespace, or on nobody else's hosts.
* `own-cluster`: what Argo CD deploys to the cluster that it runs in; `private`: a private address.
* `own-path`: a path on the same host; `header`: a list of headers that a route writes, which lead nobody
  outside; `header-map`: a mapping of them; `no-header`: a list without those that lead anybody anywhere.
* `agent`: settings of Cilium's agent that keep its policies, and join no other cluster.
* `named`: a mapping of settings that are read by their names; `no-target`: relabelling that writes none.
* `manager`: one of some words, or Kueue's MultiKueue for what is in a queue from which work is sent.
* `sending-queue`: a queue of Kueue without admission checks, or one from which work is sent: by the check of
  its own name, and only of the namespaces that the plan says; `sending-check`: such a check, or another that
  stays here; `sent-to`: a worker of the object's queue.
* `worker-of`: a queue with workers; `worker-named`: a worker; `worker`: a worker cluster by a Secret of its
  own name; `worker-of-namespace`: a worker that the object's namespace sends to.
* `one-of`: one of some words; `allowed-keys`: a mapping without other keys than some; `configs`: the same of
  the keys that end in `Configs`; `forbidden-keys`: a mapping without some keys;
  `required-keys`: one with them; `names-object`: a reference to what the object is called after, behind a
  beginning.
* `origin`: a site inside or at a gateway, whose pages may read answers.
"""
GATHERED: tuple[Must, ...] = ("place", "text", "variable", "opaque", "header")
"""Conditions so long that they are written once, for the values of all fields together (`nested`)."""
_DEEPEST = 2


@frozen_dataclass
class Field:
    """A field in which a place can be written.

    Attributes:
        path: its path, such as `spec.rules[].host`.
        must: its condition.
        words: the permitted words of `one-of`, or the keys of the conditions on keys.
    """

    path: str
    must: Must
    words: tuple[str, ...] = ()

    @property
    def is_gathered(self) -> bool:
        """Return whether its condition is written once for the values of many fields.

        Values in more than two lists within each other cannot be gathered.
        """
        steps = steps_of(self.path)
        depth = steps.count("[]") + steps.count("{}")
        return self.must in {"named", "command", "header-map"} or (
            self.must in GATHERED and depth <= _DEEPEST
        )


def permitted(field: Field, base: str = "object") -> str:
    """Return CEL that is true if a field of an object meets its condition."""
    return all_permitted((field,), base)


def all_permitted(fields: Iterable[Field], base: str = "object") -> str:
    """Return CEL that is true if every one of some fields of an object meets its condition.

    >>> all_permitted([Field("a.b", "unset"), Field("a.c", "unset")]).count("has(object.a)")
    1
    """
    return each([(field.path, partial(_condition, field)) for field in fields], base)


def on_gathered(must: Must, values: str) -> str:
    """Return CEL that is true if a condition holds for every value in lists of values."""
    condition = _CONDITIONS[must]("v")
    return f"{values}.all(l, l.all(v, {condition}))"


def _condition(field: Field, value: str) -> str:
    """Return the condition of a field on one value."""
    if field.must == "one-of":
        return f"{value} in {literal(list(field.words))}"
    if field.must == "allowed-keys":
        return f"{value}.all(k, k in {literal(list(field.words))})"
    if field.must == "forbidden-keys":
        return f"{value}.all(k, !(k in {literal(list(field.words))}))"
    if field.must == "required-keys":
        return f"{literal(list(field.words))}.all(k, k in {value})"
    if field.must in _WITH_WORDS:
        return _WITH_WORDS[field.must](value, field.words)
    return _CONDITIONS[field.must](value)


def _names_object(value: str, words: Sequence[str]) -> str:
    """Return CEL: the object is called after what a reference names, behind a beginning."""
    return f"object.metadata.name == {literal(words[0])} + {value}.uid"


def _configs(value: str, words: Sequence[str]) -> str:
    """Return CEL: a mapping has no keys that end in `Configs` but some."""
    return f'{value}.all(k, !k.endsWith("Configs") || k in {literal(list(words))})'


_WITH_WORDS: Mapping[Must, Callable[[str, Sequence[str]], str]] = {
    "manager": managed_here_or_sent,
    "configs": _configs,
    "names-object": _names_object,
    "calico-own": calico_own,
}


def _absent(value: str) -> str:
    """Return CEL: a text, a list or a mapping is empty; a number or a truth value fails to evaluate.

    The step to a field permits null already.
    """
    return f"size({value}) == 0"


def _unset(value: str) -> str:
    """Return CEL: a truth value is false."""
    return f"{value} == false"


def _own_namespace(value: str) -> str:
    """Return CEL: a namespace is empty or the object's own."""
    return f'({value} == "" || {value} == object.metadata.namespace)'


def _no_tenant(value: str) -> str:
    """Return CEL: a namespace is none of the factory's."""
    return f"!({value} in $namespaces)"


def _own_class(value: str) -> str:
    """Return CEL: a storage class serves the object's zone, where it has one."""
    return f"(!variables.known || ({value} in $classes && $classes[{value}] == variables.zone))"


def _image(value: str) -> str:
    """Return CEL: an image is empty or comes from a declared registry; in namespaces of others any is."""
    is_declared = f"$registries.exists(r, {value}.startsWith(r))"
    return f'({value} == "" || !variables.known || ({is_declared} && !{value}.contains("..")))'


def _runtime(value: str) -> str:
    """Return CEL: a container runtime runs pods on their own node."""
    return f"{value} in $runtimes"


_CONDITIONS: dict[Must, Callable[[str], str]] = {
    "absent": _absent,
    "unset": _unset,
    "own-namespace": _own_namespace,
    "place": place,
    "text": text,
    "range": address_range,
    "no-tenant": _no_tenant,
    "class": _own_class,
    "image": _image,
    "runtime": _runtime,
    "variable": variable,
    "settings": entries_as_settings,
    "parameters": parameters_and_encryption,
    "cilium-own": cilium_own,
    "cilium-egress": cilium_egress,
    "cilium-peer": cilium_peer,
    "no-target": no_target,
    "own-hosts": own_hosts,
    "own-mesh": own_mesh,
    "own-cluster": own_cluster,
    "own-path": own_path,
    "origin": origin_stays,
    "header": headers_stay,
    "no-header": leading_headers_left_out,
    "private": private_address,
    "agent": cilium_agent,
    "sending-queue": sending_queue,
    "sending-check": sending_check,
    "sent-to": sent_to,
    "worker-of": worker_of,
    "worker": worker,
    "worker-named": worker_named,
    "worker-of-namespace": worker_of_namespace,
}
