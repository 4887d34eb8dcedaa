"""Whether work that is submitted together would be admitted: each piece beside those before it.

Two jobs of which each would fit need not fit together, and a file with both is submitted at once. So what
fits takes its quota and its nodes before the next piece is judged; what does not fit waits, and where its
queue keeps the order strictly, what comes after it waits too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sovereign_ai.text import counted
from sovereign_ai.verify.claimed_devices import count_claims
from sovereign_ai.verify.pod_requests import Object
from sovereign_ai.verify.queue_obstacle import admitted
from sovereign_ai.verify.queue_reason import QueueReason, reason_of
from sovereign_ai.verify.queue_state import QueueState, with_priority
from sovereign_ai.verify.queue_submission import Piece

FITS = "fits"
"""The code of work that would be admitted."""


def reasons_of(pieces: Iterable[Piece], state: QueueState) -> list[QueueReason]:
    """Return why each piece of work would wait, or that it fits, in the order in which they are submitted.

    Args:
        pieces: what Kueue would make of a file.
        state: what the cluster holds.
    """
    reasons = []
    waiting = 0
    for piece in pieces:
        reason, state = _reason(piece, state)
        if reason.code != FITS and piece.workloads:
            # Older than all that is submitted after it.
            waits = {**piece.workloads[0]["metadata"], "creationTimestamp": f"8{waiting:09}"}
            state = replace(state, workloads=[*state.workloads, {**piece.workloads[0], "metadata": waits}])
            waiting += 1
        reasons.append(reason)
    return reasons


def _reason(piece: Piece, state: QueueState) -> tuple[QueueReason, QueueState]:
    """Return the reason for one piece, and the state after it."""
    if piece.problem:
        return QueueReason(piece.name, "waits", "", "", piece.code, piece.problem), state
    total, fitting = _total(piece), 0
    for workload in piece.workloads:
        reason = reason_of(workload, state)
        if reason.code != FITS:
            return _part(piece, reason, fitting), state
        state = admitted(_as_counted(workload, state), state)
        fitting += 1
    message = "by arithmetic it fits"
    if not total:
        message = "it has no pods, so that nothing of it waits"
    elif total > fitting:
        message = f"the first {fitting} of its {counted(total, 'part')} fit; the others were not tried"
    elif total > 1:
        message = f"by arithmetic all {counted(total, 'part')} fit, each of which is admitted by itself"
    return QueueReason(piece.name, "waits", "", "", FITS, message), state


def _part(piece: Piece, reason: QueueReason, fitting: int) -> QueueReason:
    """Return the reason for a piece from that of its first part that does not fit."""
    total = _total(piece)
    if total == 1:
        return replace(reason, workload=piece.name)
    message = f"{fitting} of its {counted(total, 'part')} fit, and the next one does not: {reason.message}"
    return replace(reason, workload=piece.name, message=message)


def _total(piece: Piece) -> int:
    """Return how many workloads Kueue makes of a piece."""
    return len(piece.workloads) + piece.further


def _as_counted(workload: Object, state: QueueState) -> Object:
    """Return a workload with its priority, and its claims as the devices that they count for."""
    return with_priority(count_claims(workload, state.claim_templates), state)
