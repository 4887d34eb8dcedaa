"""The condition on which a validating policy judges an update: something changed that could let more in.

Objects that an older description admitted stay, and controllers go on to update them. What ends them must not
be refused, or they stay for ever:

* Status, and metadata other than labels and annotations, are not compared. Finalizers come off by such an
  update: a deletion in the foreground, as the engine makes it, ends with one by the garbage collector.
* Every field counts, for many kinds have no `spec`. What is judged by its `spec` alone would keep, for
  example, a storage class Terminating for ever. Of a namespace's `spec` nothing counts: the only field in it
  are finalizers.
* A workload may run less: fewer replicas, less parallelism, or a suspension, and nothing else. So the
  Deployment controller can scale the old ReplicaSet down after its Deployment got an image that is permitted
  now, and a queue can suspend a job.
"""

from __future__ import annotations

from sovereign_ai.rules import OTHER, Group

EVERYWHERE: Group = "cluster"
"""The group of kinds without a namespace, and of namespaces themselves."""
_WORKLOADS = frozenset({"templates", OTHER.group})
"""Groups with kinds that make pods; kinds of add-ons are among the others."""
_IS_NO_UPDATE = 'request.operation != "UPDATE" || oldObject == null'
_APART = '["metadata", "status"]'
_APART_IN_CLUSTER = '(object.kind == "Namespace" ? ["metadata", "spec", "status"] : ["metadata", "status"])'
_DIFFERS = "(!(f in dyn(oldObject)) || dyn(object)[f] != dyn(oldObject)[f])"
_NEW, _OLD = "dyn(object).spec", "dyn(oldObject).spec"
_IS_FEWER = (
    f'k in ["replicas", "parallelism"] && type({_NEW}[k]) == int && type({_OLD}[k]) == int'
    f" && {_NEW}[k] < {_OLD}[k]"
)
# A kind of an add-on may have a spec of any type, and leave out what is false.
_RUNS_LESS = (
    f'f == "spec" && f in dyn(oldObject) && type({_NEW}) == map && type({_OLD}) == map'
    f' && {_NEW}.all(k, (k == "suspend" && {_NEW}[k] == true)'
    f" || (k in {_OLD} && ({_NEW}[k] == {_OLD}[k] || ({_IS_FEWER}))))"
    f" && {_OLD}.all(k, k in {_NEW})"
)


def changed(group: Group) -> str:
    """Return the CEL that holds for a request which the policy of a group must judge."""
    apart = _APART_IN_CLUSTER if group == EVERYWHERE else _APART
    differs = f"{_DIFFERS} && !({_RUNS_LESS})" if group in _WORKLOADS else _DIFFERS
    parts = [
        _IS_NO_UPDATE,
        f"dyn(object).exists(f, !(f in {apart}) && {differs})",
        f"dyn(oldObject).exists(f, !(f in {apart}) && !(f in dyn(object)))",
        _annotations_differ() if group == "templates" else _differ("annotations"),
        _differ("labels"),
    ]
    return " || ".join(parts)


def _differ(part: str) -> str:
    """Return the CEL that holds where a map in the metadata is another one."""
    return f"{_map(part, 'object')} != {_map(part, 'oldObject')}"


def _map(part: str, version: str) -> str:
    """Return the CEL of a map in the metadata of one version of the object."""
    return f"(has({version}.metadata.{part}) ? {version}.metadata.{part} : {{}})"


def _annotations_differ() -> str:
    """Return the CEL that holds where annotations differ, but for those of the Deployment controller.

    It writes to them how many replicas it wants, in the update that scales a ReplicaSet.
    """
    new, old = _map("annotations", "object"), _map("annotations", "oldObject")
    is_counted = 'k.startsWith("deployment.kubernetes.io/")'
    return (
        f"{new}.exists(k, !{is_counted} && (!(k in {old}) || {new}[k] != {old}[k]))"
        f" || {old}.exists(k, !{is_counted} && !(k in {new}))"
    )
