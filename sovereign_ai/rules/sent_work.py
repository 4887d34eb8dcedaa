"""Work that Kueue sends to other clusters: conditions, as CEL, on the objects by which it does.

`$sent` has a row for each way that the plan has: the namespace whose work is sent, the queue, which its
check and the list of its workers are called after, and the worker cluster. Whatever is in no row is refused,
whoever writes it: a queue that takes in another namespace, a list with another worker, a further worker.
"""

from __future__ import annotations

from collections.abc import Sequence

from sovereign_ai.rules.cel_literals import literal

_MULTIKUEUE = "kueue.x-k8s.io/multikueue"
_QUEUE_NAME = '"kueue.x-k8s.io/queue-name"'


def managed_here_or_sent(value: str, controllers: Sequence[str]) -> str:
    """Return CEL: one of some controllers runs a job, or it is in a queue from which work is sent.

    Args:
        value: expression of the job's `managedBy`.
        controllers: those that run it in this cluster.
    """
    labels = "object.metadata.labels"
    is_sent = f"$sent.exists(s, s[0] == object.metadata.namespace && s[1] == {labels}[{_QUEUE_NAME}])"
    return (
        f'({value} in {literal(list(controllers))} || ({value} == "{_MULTIKUEUE}"'
        f" && has({labels}) && {_QUEUE_NAME} in {labels} && {is_sent}))"
    )


def sending_queue(value: str) -> str:
    """Return CEL: the spec of a queue sends no work, or only that of the namespaces that the plan says."""
    checks = f"{value}.admissionChecksStrategy.admissionChecks"
    has_none = f"!has({value}.admissionChecksStrategy) || !has({checks}) || size({checks}) == 0"
    is_own = f"{checks}.all(c, c.name == object.metadata.name && !has(c.onFlavors))"
    # A requirement narrows what the others select, so one that names the namespaces is enough.
    names = "e.values.all(n, $sent.exists(s, s[0] == n && s[1] == object.metadata.name))"
    by_name = f'e.key == "kubernetes.io/metadata.name" && e.operator == "In" && {names}'
    selected = f"{value}.namespaceSelector.matchExpressions.exists(e, {by_name})"
    return f"(({has_none}) || ({is_own} && {selected}))"


def sending_check(value: str) -> str:
    """Return CEL: the spec of an admission check asks for machines here, or sends to the plan's workers."""
    of_plan = "$sent.exists(s, s[1] == object.metadata.name)"
    own = f"{value}.parameters.name == object.metadata.name"
    listed = f'{value}.parameters.kind == "MultiKueueConfig" && {own}'
    sends = f'({value}.controllerName == "{_MULTIKUEUE}" && {of_plan} && {listed})'
    return f'({value}.controllerName == "kueue.x-k8s.io/provisioning-request" || {sends})'


def sent_to(value: str) -> str:
    """Return CEL: a cluster is a worker of the queue that the object is called after."""
    return f"$sent.exists(s, s[1] == object.metadata.name && s[2] == {value})"


def worker_of(value: str) -> str:
    """Return CEL: work is sent from the queue of this name."""
    return f"$sent.exists(s, s[1] == {value})"


def worker_named(value: str) -> str:
    """Return CEL: a cluster of this name is a worker."""
    return f"$sent.exists(s, s[2] == {value})"


def worker(value: str) -> str:
    """Return CEL: the spec of a worker cluster is that of one of the plan, by a Secret of its own name."""
    source = f"{value}.clusterSource"
    config = f"{source}.kubeConfig"
    in_secret = f'(!has({config}.locationType) || {config}.locationType == "Secret")'
    own = f"{config}.location == object.metadata.name && {in_secret}"
    of_plan = "$sent.exists(s, s[2] == object.metadata.name)"
    return f"(has({source}) && !has({source}.clusterProfileRef) && has({config}) && {own} && {of_plan})"


def worker_of_namespace(value: str) -> str:
    """Return CEL: a cluster is empty, or one that work of the object's namespace is sent to."""
    return f'({value} == "" || $sent.exists(s, s[0] == object.metadata.namespace && s[2] == {value}))'
