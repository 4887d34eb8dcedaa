"""Quality of service for RoCE: one vendor-neutral intent, and its SONiC and Cumulus renderings.

The intent: RoCE data is in a lossless class of its own, recognised by DSCP 26; congestion notification
packets (CNP) are in a strict class, recognised by DSCP 48; everything else is in class 0. PFC pauses the
lossless class alone, and ECN marks it before PFC has to.

ECN's thresholds scale with the link rate: 2 and 10 microseconds of the link. They are this project's own
choice, to be tuned with the switch's buffer. A PFC watchdog ends storms.

    >>> intent(400_000_000_000).ecn_min
    100000
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.render.switches.ports import SwitchPorts

# The common defaults of RoCE: data in class 3, congestion notification (CNP) in class 6.
DATA_DSCP, CNP_DSCP = 26, 48
DATA_CLASS, CNP_CLASS = 3, 6
ECN_MIN_MICROSECONDS, ECN_MAX_MICROSECONDS = 2, 10
"""Time that a queue may need to drain, from which some packets are marked and from which all are."""
ECN_PERCENT = 10
WATCHDOG_MILLISECONDS = 200
MTU = 9216
"""Largest frame between switches, in bytes."""


@frozen_dataclass
class Intent:
    """The quality of service that RoCE needs on every switch.

    Attributes:
        data_dscp: DSCP of RoCE data.
        data_class: its traffic class, lossless.
        cnp_dscp: DSCP of congestion notification packets.
        cnp_class: their class, strict priority.
        ecn_min: bytes in a queue from which some packets are marked.
        ecn_max: bytes from which all are.
        ecn_percent: share that is marked just below the upper threshold.
        watchdog: milliseconds of a PFC storm until the queue's packets are dropped.
        mtu: largest frame.
    """

    data_dscp: int
    data_class: int
    cnp_dscp: int
    cnp_class: int
    ecn_min: int
    ecn_max: int
    ecn_percent: int
    watchdog: int
    mtu: int

    def to_data(self) -> dict[str, int]:
        """Return the intent as plain data."""
        return asdict(self)


def intent(link: int) -> Intent:
    """Return the intent for links of so many bits a second."""
    bytes_a_microsecond = link // 8 // 1_000_000
    return Intent(
        data_dscp=DATA_DSCP,
        data_class=DATA_CLASS,
        cnp_dscp=CNP_DSCP,
        cnp_class=CNP_CLASS,
        ecn_min=bytes_a_microsecond * ECN_MIN_MICROSECONDS,
        ecn_max=bytes_a_microsecond * ECN_MAX_MICROSECONDS,
        ecn_percent=ECN_PERCENT,
        watchdog=WATCHDOG_MILLISECONDS,
        mtu=MTU,
    )


_MAPS = {
    "dscp_to_tc_map": "ROCE",
    "tc_to_queue_map": "ROCE",
    "tc_to_pg_map": "ROCE",
    "pfc_to_queue_map": "ROCE",
}
"""The maps that a port of SONiC refers to; all have one name."""
_SCHEDULERS = {
    "ROCE": {"type": "DWRR", "weight": "60"},
    # CNP is little traffic, and useless when it comes late.
    "CNP": {"type": "STRICT"},
    "OTHER": {"type": "DWRR", "weight": "40"},
}
_CLASSES = range(8)
_CODE_POINTS = range(64)


def sonic_qos(device: SwitchPorts, names: dict[str, str]) -> dict[str, Any]:
    """Return SONiC's tables for the intent.

    Args:
        device: the switch.
        names: interface name of the port map to SONiC's.
    """
    want = intent(device.plane.link)
    data_class = str(want.data_class)
    # SONiC's tables hold numbers as text.
    class_of_dscp = {}
    for dscp in _CODE_POINTS:
        class_of_dscp[str(dscp)] = "0"
    class_of_dscp[str(want.data_dscp)] = data_class
    class_of_dscp[str(want.cnp_dscp)] = str(want.cnp_class)
    same = {}
    for number in _CLASSES:
        same[str(number)] = str(number)
    # Only the lossless class has a priority group of its own, whose buffer PFC protects.
    group_of_class = {}
    for number in _CLASSES:
        group_of_class[str(number)] = "0"
    group_of_class[data_class] = data_class
    profile = {
        "ecn": "ecn_all",
        "wred_green_enable": "true",
        "green_min_threshold": str(want.ecn_min),
        "green_max_threshold": str(want.ecn_max),
        "green_drop_probability": str(want.ecn_percent),
    }
    queues: dict[str, dict[str, str]] = {}
    port_maps: dict[str, dict[str, str]] = {}
    watchdog: dict[str, dict[str, str]] = {"GLOBAL": {"POLL_INTERVAL": str(want.watchdog)}}
    for port in device.ports:
        if port.outside:
            # What is outside may neither mark traffic as lossless nor stop the fabric's by pausing it.
            continue
        name = names[port.interface]
        port_maps[name] = {**_MAPS, "pfc_enable": data_class, "pfcwd_sw_enable": data_class}
        watchdog[name] = {
            "action": "drop",
            "detection_time": str(want.watchdog),
            "restoration_time": str(2 * want.watchdog),
        }
        queues[f"{name}|0"] = {"scheduler": "OTHER"}
        queues[f"{name}|{data_class}"] = {"scheduler": "ROCE", "wred_profile": "ROCE"}
        queues[f"{name}|{want.cnp_class}"] = {"scheduler": "CNP"}
    return {
        "DSCP_TO_TC_MAP": {"ROCE": class_of_dscp},
        "TC_TO_QUEUE_MAP": {"ROCE": same},
        "TC_TO_PRIORITY_GROUP_MAP": {"ROCE": group_of_class},
        "MAP_PFC_PRIORITY_TO_QUEUE": {"ROCE": same},
        "PORT_QOS_MAP": port_maps,
        "WRED_PROFILE": {"ROCE": profile},
        "SCHEDULER": _SCHEDULERS,
        "QUEUE": queues,
        "PFC_WD": watchdog,
    }


def cumulus_qos(device: SwitchPorts) -> dict[str, Any]:
    """Return Cumulus NVUE's `qos` for the intent."""
    want = intent(device.plane.link)
    marking = {
        "ecn": "enable",
        "min-threshold-bytes": want.ecn_min,
        "max-threshold-bytes": want.ecn_max,
        "probability": want.ecn_percent,
    }
    traffic_class = {str(want.data_class): marking}
    return {
        # NVUE's lossless RoCE mode has the same classes, PFC and ECN by itself.
        "roce": {"state": "enabled", "mode": "lossless"},
        "congestion-control": {"default-global": {"traffic-class": traffic_class}},
    }
