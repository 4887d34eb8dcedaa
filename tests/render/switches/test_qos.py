"""Quality of service: PFC for the lossless class alone."""

from __future__ import annotations

from collections import Counter

import orjson

from sovereign_ai.render.switches.qos import intent
from sovereign_ai.render.switches.sonic import sonic
from tests.render.switches.test_switches import one


def test_pfc_is_on_for_the_lossless_class_alone_and_ecn_marks_before_it() -> None:
    tables = orjson.loads(sonic(one("compute-fra1-p0-leaf-r0-001")))
    assert {entry["pfc_enable"] for entry in tables["PORT_QOS_MAP"].values()} == {"3"}
    classes = Counter(tables["DSCP_TO_TC_MAP"]["ROCE"].values())
    assert classes == {"0": 62, "3": 1, "6": 1}
    assert tables["WRED_PROFILE"]["ROCE"]["ecn"] == "ecn_all"
    assert intent(400_000_000_000).ecn_min < intent(400_000_000_000).ecn_max == 500_000
    assert "PORT_QOS_MAP" not in orjson.loads(sonic(one("inband-fra1-p0-leaf-r0-001")))
