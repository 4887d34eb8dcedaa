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
# A kind of an add-on may have a spec of any type, and leave out what is false.
_RUNS_LESS = (
    'f == "spec" && f in dyn(oldObject) && type(dyn(object).spec) == map && type(dyn(oldObject).spec) == map'
    ' && dyn(object).spec.all(k, (k == "suspend" && dyn(object).spec[k] == true)'
    " || (k in dyn(oldObject).spec && (dyn(object).spec[k] == dyn(oldObject).spec[k]"
    ' || (k in ["replicas", "parallelism"] && type(dyn(object).spec[k]) == int'
    " && type(dyn(oldObject).spec[k]) == int && dyn(object).spec[k] < dyn(oldObject).spec[k]))))"
    " && dyn(oldObject).spec.all(k, k in dyn(object).spec)"
)
_IS_NEW = "dyn(object).exists(f, !(f in $apart) && $differs)"
_IS_GONE = "dyn(oldObject).exists(f, !(f in $apart) && !(f in dyn(object)))"
_PART_DIFFERS = (
    "(has(object.metadata.$part) ? object.metadata.$part : {})"
    " != (has(oldObject.metadata.$part) ? oldObject.metadata.$part : {})"
)
_NEW = "(has(object.metadata.annotations) ? object.metadata.annotations : {})"
_OLD = "(has(oldObject.metadata.annotations) ? oldObject.metadata.annotations : {})"
# The Deployment controller writes how many replicas it wants, in the update that scales a ReplicaSet.
_IS_COUNT = 'k.startsWith("deployment.kubernetes.io/")'
_ANNOTATION_IS_NEW = "$new.exists(k, !$count && (!(k in $old) || $new[k] != $old[k]))"
_ANNOTATION_IS_GONE = "$old.exists(k, !$count && !(k in $new))"


def changed(group: Group) -> str:
    """Return the CEL that holds for a request which the policy of a group must judge."""
    differs = _DIFFERS
    if group in _WORKLOADS:
        differs += f" && !({_RUNS_LESS})"
    apart = _APART_IN_CLUSTER if group == EVERYWHERE else _APART
    fields = f"{_IS_NEW} || {_IS_GONE}".replace("$apart", apart)
    text = f"{_IS_NO_UPDATE} || {fields}".replace("$differs", differs)
    annotations = _PART_DIFFERS.replace("$part", "annotations")
    if group == "templates":
        annotations = f"{_ANNOTATION_IS_NEW} || {_ANNOTATION_IS_GONE}"
        annotations = annotations.replace("$new", _NEW)
        annotations = annotations.replace("$old", _OLD)
        annotations = annotations.replace("$count", _IS_COUNT)
    labels = _PART_DIFFERS.replace("$part", "labels")
    return f"{text} || {annotations} || {labels}"
