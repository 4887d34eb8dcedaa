"""Pods whose eviction others have requested, and which their own responders evict (KEP-4563).

    requested_evictions(api, pods, now)     # -> who waits for which of these pods

A pod may name responders (`spec.evictionResponders`) that move or replace it before it ends. Whoever wants it
gone writes an EvictionRequest; a controller makes an Eviction of all requests for one pod, and lets the pod's
responders act one after another. The last one is Kubernetes' own, and only uses the eviction API. So an
eviction by anybody else ruins the work of the other responders, and after them it is what the last one does.

Kubernetes 1.37 serves these objects where the gate EvictionRequestAPI is on, which is off by default, and
ships neither that controller nor the last responder. So a request counts as long as there are signs that
somebody acts on it: a responder that shows none for 20 minutes has failed, by the contract of the API.
Sources: Kubernetes 1.37.2, api/lifecycle/v1alpha1/types.go and pkg/controller, read 2026-11-29.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from sovereign_ai.cluster.api import Api, ApiError, list_if_served
from sovereign_ai.frozen_dataclass import frozen_dataclass

Object = Mapping[str, Any]
_API = "lifecycle.k8s.io/v1alpha1"
_LAST_RESPONDER = "imperative-eviction.k8s.io/evictor"
_OVER = frozenset({"Failed", "TargetEvicted"})
"""Conditions of a request or an Eviction that nobody acts on any more."""
_TO_ACT = frozenset({"Inactive", "Active"})
"""States of a responder that acts, or whose turn is to come."""
SILENCE = timedelta(minutes=25)
"""How long a request without a sign counts: the API's 20 minutes, and clocks that are five minutes apart."""
_RESPONDER_TIMES = ("startTime", "heartbeatTime", "completionTime")


@frozen_dataclass
class RequestedEviction:
    """A pod that its responders are to evict.

    Attributes:
        pod: its namespace and name.
        requester: who requested it first; empty where the requests cannot be read.
        reason: which request it is, and who acts on it.
        since: since when, as the API server writes it; empty where nobody knows.
    """

    pod: str
    requester: str
    reason: str
    since: str

    def __str__(self) -> str:
        """Return it as a person reads it."""
        return f"{self.reason}, since {self.since}" if self.since else self.reason


def requested_evictions(api: Api, pods: Iterable[Object], now: datetime) -> dict[str, RequestedEviction]:
    """Return which pods are left to their responders, by namespace and name.

    Where a pod has responders and the requests may not be read, it is left to them too: an eviction that
    ruins their work is not made on a guess. Without such a pod nothing is read.

    Args:
        api: the cluster.
        pods: the pods that have to go.
        now: the moment.

    Raises:
        UnreachableError: there was no answer.
    """
    answering = []
    for pod in pods:
        if pod["spec"].get("evictionResponders") and not pod["metadata"].get("deletionTimestamp"):
            answering.append(pod)
    if not answering:
        return {}
    try:
        requests = _by_pod(list_if_served(api, _API, "EvictionRequest"))
        evictions = _by_pod(list_if_served(api, _API, "Eviction"))
    except ApiError as error:
        message = error.problems[0].message
        reason = f"it has eviction responders, and what was requested of them cannot be read: {message}"
        return {_name(pod): RequestedEviction(_name(pod), "", reason, "") for pod in answering}
    found = {}
    for pod in answering:
        uid = pod["metadata"].get("uid")
        own = [request for request in requests.get(uid, ()) if _is_wanted(request)]
        open_evictions = [eviction for eviction in evictions.get(uid, ()) if not _is_over(eviction)]
        if own and _is_acted_on(own, open_evictions, now):
            found[_name(pod)] = _described(pod, own, open_evictions)
    return found


def _by_pod(objects: Iterable[Object]) -> dict[str, list[Object]]:
    """Return requests or Evictions by the UID of their pod: a pod of the same name may be another one."""
    by_pod: dict[str, list[Object]] = {}
    for each in objects:
        target = (each.get("spec") or {}).get("target") or {}
        by_pod.setdefault((target.get("pod") or {}).get("uid", ""), []).append(each)
    return by_pod


def _is_wanted(request: Object) -> bool:
    """Return whether a request is neither withdrawn nor over."""
    return request["spec"].get("intent") == "Eviction" and not _is_over(request)


def _is_over(each: Object) -> bool:
    """Return whether a request or an Eviction has ended; what it was before its last change counts not."""
    status = each.get("status") or {}
    seen, is_at = status.get("observedGeneration"), each["metadata"].get("generation")
    if seen is not None and is_at is not None and seen < is_at:
        return False
    conditions = status.get("conditions") or ()
    return any(one.get("type") in _OVER and one.get("status") == "True" for one in conditions)


def _is_acted_on(requests: Iterable[Object], evictions: Iterable[Object], now: datetime) -> bool:
    """Return whether responders of the pod act, or may still begin to."""
    signs: list[datetime] = []
    are_done = False
    for request in requests:
        signs.extend(_signs(request))
    for eviction in evictions:
        signs.extend(_signs(eviction))
        responders = (eviction.get("status") or {}).get("targetResponders") or ()
        to_act = [each for each in responders if _is_to_act(each)]
        are_done |= bool(responders) and not to_act
    return not are_done and any(abs(now - sign) < SILENCE for sign in signs)


def _is_to_act(responder: Object) -> bool:
    return responder.get("name") != _LAST_RESPONDER and responder.get("state") in _TO_ACT


def _signs(each: Object) -> Iterator[datetime]:
    """Yield the moments at which somebody acted on a request or an Eviction."""
    status = each.get("status") or {}
    texts = [each["metadata"].get("creationTimestamp")]
    texts += [condition.get("lastTransitionTime") for condition in status.get("conditions") or ()]
    for responder in status.get("responders") or ():
        texts += [responder.get(key) for key in _RESPONDER_TIMES]
    for text in filter(None, texts):
        yield datetime.fromisoformat(text)


def _described(pod: Object, requests: list[Object], evictions: Iterable[Object]) -> RequestedEviction:
    """Return the first of several requests for a pod, how many more there are, and who acts."""
    first = min(requests, key=_age)
    more = f" and {len(requests) - 1} more" if len(requests) > 1 else ""
    acting = ""
    for eviction in evictions:
        for responder in (eviction.get("status") or {}).get("targetResponders") or ():
            if _is_to_act(responder) and responder.get("state") == "Active":
                acting = responder["name"]
    by = f"{acting} carries it out" if acting else "none of its responders has begun yet"
    requester = first["spec"].get("requester", "")
    reason = f"{requester} requested its eviction (EvictionRequest {_name(first)}{more}), and {by}"
    return RequestedEviction(_name(pod), requester, reason, first["metadata"].get("creationTimestamp") or "")


def _age(request: Object) -> tuple[str, str]:
    """Return what the oldest request sorts first by."""
    return request["metadata"].get("creationTimestamp") or "", request["metadata"]["name"]


def _name(each: Object) -> str:
    return f"{each['metadata']['namespace']}/{each['metadata']['name']}"
