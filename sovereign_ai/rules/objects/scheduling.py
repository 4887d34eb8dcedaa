"""Scheduling rules: pods bypass neither the cluster's scheduler nor the isolation of its fabrics."""

from __future__ import annotations

from sovereign_ai.catalog.vendors import vendors
from sovereign_ai.rules.controls import (
    C3A_LOCATION,
    CADA_LOCATION,
    ECSF_DATA,
    GDPR_SECURITY,
    GDPR_TRANSFER,
    NSA_PODS,
)
from sovereign_ai.rules.duties import SNC_LOCATION
from sovereign_ai.rules.kinds import PODS, TEMPLATES
from sovereign_ai.rules.places.sent_work import leads_to_worker, managed_here_or_sent
from sovereign_ai.rules.rule import OBJECT_PLACES, Rule, RuleCheck

_LOCATION = (ECSF_DATA, CADA_LOCATION, C3A_LOCATION, GDPR_TRANSFER, SNC_LOCATION)

# The scheduler sets the field by a binding. An update that leaves it as it was chooses nothing.
_POD_WAS_SCHEDULED = (
    '!has(variables.pod.nodeName) || variables.pod.nodeName == ""'
    " || (oldObject != null && has(oldObject.spec.nodeName)"
    " && oldObject.spec.nodeName == variables.pod.nodeName)"
)
_TEMPLATE_NAMES_NO_NODE = '!has(variables.pod.nodeName) || variables.pod.nodeName == ""'
NODE_NAME = Rule(
    id="PLC-002",
    title="No pod names its node",
    severity="critical",
    rationale=(
        "A pod that names its node goes past the scheduler, and with it past every selector, taint and "
        "quota of devices."
    ),
    remediation="leave nodeName out; the scheduler sets it",
    controls=_LOCATION,
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            ("Pod",),
            "nodeName",
            _POD_WAS_SCHEDULED,
            "it names its node, and so goes past the scheduler",
        ),
        RuleCheck(
            TEMPLATES,
            "nodeName",
            _TEMPLATE_NAMES_NO_NODE,
            "its pods name their node, and so go past the scheduler",
        ),
    ),
)
_SCHEDULER_IS_DEFAULT = (
    '!has(variables.pod.schedulerName) || variables.pod.schedulerName in ["", "default-scheduler"]'
)
SCHEDULER = Rule(
    id="PLC-003",
    title="Pods are placed by the cluster's own scheduler",
    severity="high",
    rationale=(
        "Another scheduler binds where it likes: selectors and taints are promises that only the cluster's "
        "own is known to keep."
    ),
    remediation="leave schedulerName out",
    controls=_LOCATION,
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            PODS,
            "schedulerName",
            _SCHEDULER_IS_DEFAULT,
            "it asks for another scheduler than the cluster's own",
        ),
    ),
)
_IS_BOUND_BY_SCHEDULER = 'has(request.userInfo) && request.userInfo.username == "system:kube-scheduler"'
BINDING = Rule(
    id="PLC-005",
    title="Only the cluster's own scheduler binds pods to nodes",
    severity="critical",
    rationale="Whoever may create a binding chooses the machine, whatever the pod's selectors say.",
    remediation="take the right to create bindings away, and leave placing to the scheduler",
    controls=_LOCATION,
    places=OBJECT_PLACES - {"live"},
    elsewhere=(
        (
            "live",
            (
                "a binding is a request that is never stored, so there is none to look at; the pod it "
                "placed is judged instead"
            ),
        ),
    ),
    checks=(
        RuleCheck(
            ("Binding",),
            "target",
            _IS_BOUND_BY_SCHEDULER,
            "only the cluster's own scheduler binds pods to nodes",
        ),
    ),
)


def _fabric_devices() -> str:
    """Return CEL: an extended resource is a device of a network."""
    # Device plugins name RDMA and other network devices by these prefixes.
    tests = ['r.startsWith("rdma/")', 'r.startsWith("intel.com/")', 'r.startsWith("openshift.io/")']
    for row in vendors():
        if row.scale_up is None:
            continue
        # GPUs and their partitions are no devices of a network.
        others = "".join(f' && !r.startsWith("{prefix}")' for prefix in row.scale_up.gpu_prefixes)
        tests.append(f'(r.startsWith("{row.label_domain}/"){others})')
    return f"({' || '.join(tests)})"


def _is_near(request: str) -> str:
    """Return CEL: the DeviceClass of a request is not one of a network between GPUs, such as NVLink."""
    prefixes = [row.scale_up.class_prefix for row in vendors() if row.scale_up]
    return " && ".join(f'!{request}.deviceClassName.startsWith("{prefix}")' for prefix in prefixes)


_FABRIC = _fabric_devices()
_OWN_PART = "variables.zone in $partitioned"


def _classes(devices: str) -> str:
    """Return CEL: no request of a claim is for a device of the NVLink fabric."""
    return (
        f"{_OWN_PART} || !has({devices}.requests) || {devices}.requests == null || {devices}.requests.all(q,"
        f" (!has(q.exactly) || !has(q.exactly.deviceClassName) || {_is_near('q.exactly')})"
        " && (!has(q.firstAvailable) || q.firstAvailable.all(s, !has(s.deviceClassName)"
        f" || {_is_near('s')})))"
    )


_REQUESTS_NO_FABRIC_DEVICE = (
    f"{_OWN_PART} || variables.containers.all(c, !has(c.resources)"
    f" || ((!has(c.resources.limits) || c.resources.limits.all(r, !{_FABRIC}))"
    f" && (!has(c.resources.requests) || c.resources.requests.all(r, !{_FABRIC}))))"
)
_CLAIMS_NO_FABRIC_DEVICE = (
    f"!has(object.spec) || !has(object.spec.devices) || {_classes('object.spec.devices')}"
)
_TEMPLATE_CLAIMS_NO_FABRIC_DEVICE = (
    "!has(object.spec) || !has(object.spec.spec) || !has(object.spec.spec.devices)"
    f" || {_classes('object.spec.spec.devices')}"
)
FABRIC = Rule(
    id="PLC-008",
    title="Fabric devices go only to zones that have a part of the fabric of their own",
    severity="critical",
    rationale=(
        "No network policy sees RDMA or NVLink. Where a zone has no partition, virtual network or routing "
        "table of its own on the fabrics, a pod with such a device reaches the memory of its neighbours."
    ),
    remediation="give the zone an isolation of its fabrics in the description, or leave the device out",
    controls=(GDPR_SECURITY, ECSF_DATA),
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            PODS,
            "containers",
            _REQUESTS_NO_FABRIC_DEVICE,
            "a container asks for a network or fabric device, and its zone has no part of the fabrics of "
            "its own",
        ),
        RuleCheck(
            ("ResourceClaim",),
            "spec.devices",
            _CLAIMS_NO_FABRIC_DEVICE,
            "it claims a device of the NVLink fabric, and its zone has no part of the fabrics of its own",
        ),
        RuleCheck(
            ("ResourceClaimTemplate",),
            "spec.spec.devices",
            _TEMPLATE_CLAIMS_NO_FABRIC_DEVICE,
            "its claims take a device of the NVLink fabric, and its zone has no part of the fabrics of its "
            "own",
        ),
    ),
)
# Prefixes of Liqo, Admiralty, the Multi-Cluster Services API, MultiKueue and Karmada.
_FOREIGN = (
    "liqo.io/",
    "multicluster.admiralty.io/",
    "multicluster.x-k8s.io/",
    "kueue.x-k8s.io/multikueue",
    "policy.karmada.io/",
)


def _stays(keys: str) -> str:
    """Return CEL: no key of a map hands the object to another cluster."""
    return f"{keys}.all(k, " + " && ".join(f'!k.startsWith("{prefix}")' for prefix in _FOREIGN) + ")"


_JOB_CONTROLLERS = ("kubernetes.io/job-controller",)
# Any other controller may run the job in another cluster. MultiKueue may, from the queues of the plan.
_JOB_IS_MANAGED_HERE = (
    f"!has(object.spec.managedBy) || {managed_here_or_sent('object.spec.managedBy', _JOB_CONTROLLERS)}"
)
_CRON_JOB_IS_MANAGED_HERE = (
    "!has(object.spec.jobTemplate.spec.managedBy)"
    ' || object.spec.jobTemplate.spec.managedBy == "kubernetes.io/job-controller"'
)
DISPATCH = Rule(
    id="PLC-009",
    title="Nothing is dispatched to another cluster but from the plan's queues",
    severity="critical",
    rationale=(
        "A dispatcher takes the pod with its data to a cluster that is none of the plan's, and no admission "
        "here sees it run there."
    ),
    remediation=(
        "take the dispatcher's labels, annotations and managedBy out; what is to run elsewhere is deployed "
        "there, or sent from a queue under `platform.multikueue`"
    ),
    controls=_LOCATION,
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            PODS,
            "metadata.annotations",
            _stays("variables.annotations"),
            "its annotations hand it to another cluster",
        ),
        RuleCheck(
            PODS, "metadata.labels", _stays("variables.labels"), "its labels hand it to another cluster"
        ),
        RuleCheck(
            ("Job",),
            "spec.managedBy",
            _JOB_IS_MANAGED_HERE,
            "another controller than the cluster's own manages it",
        ),
        RuleCheck(
            ("CronJob",),
            "spec.jobTemplate.spec.managedBy",
            _CRON_JOB_IS_MANAGED_HERE,
            "another controller than the cluster's own manages its jobs",
        ),
    ),
)

WORKER_KUBECONFIG = Rule(
    id="PLC-012",
    title="The kubeconfig of a worker cluster leads to that worker",
    severity="critical",
    rationale=(
        "Kueue sends work with its data to whatever cluster the kubeconfig in the worker's Secret names. "
        "Whoever may write that Secret would choose the country."
    ),
    remediation=(
        "write what `sovereign-ai platform kubeconfig` makes, unchanged and alone, under `kubeconfig`; where "
        "the worker is on another machine, the description has its address as `server`"
    ),
    controls=_LOCATION,
    places=OBJECT_PLACES - {"live"},
    checks=(
        RuleCheck(
            ("Secret",),
            "data.kubeconfig",
            leads_to_worker("object"),
            "it has the name of a worker cluster, and is no kubeconfig for its described address",
        ),
    ),
    elsewhere=(("live", "the audit reads no secrets; `verify` says whether Kueue is connected to a worker"),),
    only_with="kubeconfigs",
)


def _unprivileged(devices: str) -> str:
    """Return CEL: no request of a claim asks for administrator's access."""
    return (
        f"!has({devices}) || !has({devices}.requests) || {devices}.requests == null"
        f" || {devices}.requests.all(q, !has(q.exactly) || !has(q.exactly.adminAccess)"
        " || !q.exactly.adminAccess)"
    )


_CLAIM_IS_UNPRIVILEGED = f"!has(object.spec) || {_unprivileged('object.spec.devices')}"
_TEMPLATE_IS_UNPRIVILEGED = (
    f"!has(object.spec) || !has(object.spec.spec) || {_unprivileged('object.spec.spec.devices')}"
)
ADMIN_ACCESS = Rule(
    id="DEV-001",
    title="No claim asks for administrator's access to devices",
    severity="critical",
    rationale=(
        "Administrator's access ignores who holds the device: it opens the GPU that another tenant computes "
        "on."
    ),
    remediation="leave adminAccess out; monitoring of devices runs outside the zones",
    controls=(GDPR_SECURITY, NSA_PODS),
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            ("ResourceClaim",),
            "spec.devices",
            _CLAIM_IS_UNPRIVILEGED,
            "it claims devices that others hold",
        ),
        RuleCheck(
            ("ResourceClaimTemplate",),
            "spec.spec.devices",
            _TEMPLATE_IS_UNPRIVILEGED,
            "its claims take devices that others hold",
        ),
    ),
)

RULES = (NODE_NAME, SCHEDULER, BINDING, FABRIC, DISPATCH, WORKER_KUBECONFIG, ADMIN_ACCESS)
