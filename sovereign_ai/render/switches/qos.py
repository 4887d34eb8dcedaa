"""Quality of service for RoCE: one vendor-neutral intent, and its SONiC and Cumulus renderings.

The intent: RoCE data in its own lossless class, told by DSCP 26; congestion notification packets
(CNP) in a strict class, told by DSCP 48; everything else in class 0. PFC holds the lossless class
alone, ECN marks it before PFC has to. The classes are the common RoCE defaults (data 3, CNP 6).
ECN's thresholds scale with the link rate: 2 and 10 microseconds of the link, an engineering choice
of ours, to be tuned with the switch's buffer; a PFC watchdog ends storms.

    >>> intent(400_000_000_000).ecn_min
    100000
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sovereign_ai.render.switches.ports import SwitchPorts

DATA_DSCP, CNP_DSCP = 26, 48
DATA_CLASS, CNP_CLASS = 3, 6
ECN_MIN_MICROSECONDS, ECN_MAX_MICROSECONDS = 2, 10
WATCHDOG_MILLISECONDS = 200
MTU = 9216


@dataclass(frozen=True, slots=True)
class Intent:
    """What RoCE needs of every switch.

    Attributes:
        data_dscp: DSCP of RoCE data.
        data_class: its traffic class, lossless.
        cnp_dscp: DSCP of congestion notification packets.
        cnp_class: their class, strict priority.
        ecn_min: bytes in a queue from which some packets are marked.
        ecn_max: bytes from which all are.
        ecn_percent: share marked just below the upper threshold.
        watchdog: milliseconds of a PFC storm until the queue is dropped.
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
        """Give plain data."""
        return asdict(self)


def intent(link: int) -> Intent:
    """Give the intent for links of so many bits a second."""
    microsecond = link // 8 // 1_000_000
    low, high = microsecond * ECN_MIN_MICROSECONDS, microsecond * ECN_MAX_MICROSECONDS
    return Intent(DATA_DSCP, DATA_CLASS, CNP_DSCP, CNP_CLASS, low, high, 10, WATCHDOG_MILLISECONDS, MTU)


def sonic_qos(one: SwitchPorts, names: dict[str, str]) -> dict[str, Any]:
    """Give SONiC's tables for the intent.

    Args:
        one: the switch.
        names: our interface name to SONiC's.
    """
    want = intent(one.plane.link)
    classes = {str(dscp): "0" for dscp in range(64)} | {str(want.data_dscp): str(want.data_class), str(want.cnp_dscp): str(want.cnp_class)}
    same = {str(number): str(number) for number in range(8)}
    data = str(want.data_class)
    maps = {"dscp_to_tc_map": "ROCE", "tc_to_queue_map": "ROCE", "tc_to_pg_map": "ROCE", "pfc_to_queue_map": "ROCE"}
    ports = [names[port.interface] for port in one.ports]
    return {
        "DSCP_TO_TC_MAP": {"ROCE": classes},
        "TC_TO_QUEUE_MAP": {"ROCE": same},
        "TC_TO_PRIORITY_GROUP_MAP": {"ROCE": {str(number): data if str(number) == data else "0" for number in range(8)}},
        "MAP_PFC_PRIORITY_TO_QUEUE": {"ROCE": same},
        "PORT_QOS_MAP": {port: {**maps, "pfc_enable": data, "pfcwd_sw_enable": data} for port in ports},
        "WRED_PROFILE": {
            "ROCE": {
                "ecn": "ecn_all",
                "wred_green_enable": "true",
                "green_min_threshold": str(want.ecn_min),
                "green_max_threshold": str(want.ecn_max),
                "green_drop_probability": str(want.ecn_percent),
            }
        },
        "SCHEDULER": {"ROCE": {"type": "DWRR", "weight": "60"}, "CNP": {"type": "STRICT"}, "OTHER": {"type": "DWRR", "weight": "40"}},
        "QUEUE": {
            f"{port}|{queue}": {"scheduler": scheduler, **({"wred_profile": "ROCE"} if scheduler == "ROCE" else {})}
            for port in ports
            for queue, scheduler in ((0, "OTHER"), (want.data_class, "ROCE"), (want.cnp_class, "CNP"))
        },
        "PFC_WD": {
            "GLOBAL": {"POLL_INTERVAL": str(want.watchdog)},
            **{
                port: {"action": "drop", "detection_time": str(want.watchdog), "restoration_time": str(2 * want.watchdog)} for port in ports
            },
        },
    }


def cumulus_qos(one: SwitchPorts) -> dict[str, Any]:
    """Give Cumulus NVUE's `qos` for the intent: its lossless RoCE mode has the same classes, PFC and ECN by itself."""
    want = intent(one.plane.link)
    return {
        "roce": {"enable": "on", "mode": "lossless"},
        "congestion-control": {
            "default-global": {
                "traffic-class": {
                    str(want.data_class): {
                        "ecn": "enable",
                        "min-threshold-bytes": want.ecn_min,
                        "max-threshold-bytes": want.ecn_max,
                        "probability": want.ecn_percent,
                    }
                }
            }
        },
    }
