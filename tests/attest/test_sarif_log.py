"""SARIF: held against the essentials of the standard's schema, written here from its text (OASIS,
2020-03-27).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import orjson

from sovereign_ai.attest.sarif_log import sarif
from sovereign_ai.rules.registry import REGISTRY
from tests.attest.judged import clean, moved, verdict


def part(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


def listed(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
NUMBER: dict[str, Any] = {"type": "integer", "minimum": 1}
BAG: dict[str, Any] = {"type": "object", "properties": {"tags": {**listed(TEXT), "uniqueItems": True}}}
MESSAGE = part(["text"], text=TEXT)
ARTIFACT = part([], uri={**TEXT, "format": "uri-reference"}, uriBaseId=TEXT, description=MESSAGE)
LEVEL = {"enum": ["none", "note", "warning", "error"]}
PHYSICAL = part(
    ["artifactLocation"],
    artifactLocation=ARTIFACT,
    region=part(["startLine"], startLine=NUMBER, startColumn=NUMBER),
)
LOCATION = part(
    [], physicalLocation=PHYSICAL, logicalLocations=listed(part([], fullyQualifiedName=TEXT, kind=TEXT))
)
SUPPRESSION = part(
    ["kind"],
    kind={"enum": ["inSource", "external"]},
    status={"enum": ["accepted", "underReview", "rejected"]},
    justification=TEXT,
)
RESULT = part(
    ["message"],
    ruleId=TEXT,
    ruleIndex={"type": "integer", "minimum": 0},
    kind={"enum": ["notApplicable", "pass", "fail", "review", "open", "informational"]},
    level=LEVEL,
    message=MESSAGE,
    locations=listed(LOCATION),
    partialFingerprints={"type": "object", "additionalProperties": TEXT},
    suppressions={**listed(SUPPRESSION), "uniqueItems": True},
    properties=BAG,
) | {
    # 3.27.10: where the kind is not `fail`, the level is absent or `none`.
    "if": {"properties": {"kind": {"const": "fail"}}},
    "else": {"properties": {"level": {"const": "none"}}},
}
RULE = part(
    ["id"],
    id=TEXT,
    shortDescription=MESSAGE,
    fullDescription=MESSAGE,
    help=MESSAGE,
    defaultConfiguration=part([], level=LEVEL),
    properties=BAG,
)
DRIVER = part(
    ["name", "informationUri"],
    name=TEXT,
    semanticVersion=TEXT,
    informationUri={"type": "string", "format": "uri"},
    rules={**listed(RULE), "uniqueItems": True},
)
RUN = part(
    ["tool"],
    tool=part(["driver"], driver=DRIVER),
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    originalUriBaseIds={"type": "object", "additionalProperties": ARTIFACT},
    results=listed(RESULT),
)
SCHEMA = part(["version", "runs"], version={"const": "2.1.0"}, runs=listed(RUN), **{"$schema": TEXT})


def results(**arguments: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sarif(verdict(), **arguments)["runs"][0]["results"]
    return found


def test_the_log_obeys_the_standard_also_without_a_finding() -> None:
    jsonschema.validate(sarif(verdict()), SCHEMA)
    jsonschema.validate(sarif(clean()), SCHEMA)


def test_every_finding_is_a_result_whose_index_leads_to_its_rule() -> None:
    log = sarif(verdict())["runs"][0]
    assert len(log["results"]) == len(verdict().findings)
    for one in log["results"]:
        assert log["tool"]["driver"]["rules"][one["ruleIndex"]]["id"] == one["ruleId"]
    assert [rule["id"] for rule in log["tool"]["driver"]["rules"]] == [rule.id for rule in REGISTRY]


def test_levels_kinds_and_suppressions_say_what_each_finding_is() -> None:
    by_status = {one["properties"]["status"]: one for one in results()}
    assert set(by_status) == {"violation", "waived", "undecidable", "notice"}
    assert (by_status["violation"]["kind"], by_status["violation"]["level"]) == ("fail", "error")
    assert (by_status["undecidable"]["kind"], by_status["undecidable"]["level"]) == ("open", "none")
    assert by_status["waived"]["level"] == "error"
    assert by_status["waived"]["suppressions"] == [
        {"kind": "external", "status": "accepted", "justification": "waiver w1"}
    ]
    assert by_status["notice"]["level"] in {"warning", "note"}
    assert "suppressions" not in by_status["violation"]


def test_a_result_points_at_file_line_and_column_of_the_users_text() -> None:
    (place,) = next(one for one in results() if one["ruleId"] == "LAW-001")["locations"]
    assert place["physicalLocation"] == {
        "artifactLocation": {"uri": "stacks/small/factory.yaml", "uriBaseId": "SRCROOT"},
        "region": {"startLine": 7, "startColumn": 3},
    }
    assert place["logicalLocations"] == [{"fullyQualifiedName": "Factory/small", "kind": "resource"}]


def test_files_are_named_from_the_base_and_those_outside_it_whole(tmp_path: Path) -> None:
    def uri(file: Path) -> dict[str, str]:
        log = sarif(moved(verdict(), str(file)), base=tmp_path)
        found = next(one for one in log["runs"][0]["results"] if one["ruleId"] == "LAW-001")
        artifact: dict[str, str] = found["locations"][0]["physicalLocation"]["artifactLocation"]
        return artifact

    assert uri(tmp_path / "my stack" / "factory.yaml") == {
        "uri": "my%20stack/factory.yaml",
        "uriBaseId": "SRCROOT",
    }
    assert uri(tmp_path.parent / "factory.yaml") == {"uri": (tmp_path.parent / "factory.yaml").as_uri()}


def test_fingerprints_tell_findings_apart_and_outlive_a_move_in_the_file() -> None:
    prints = [one["partialFingerprints"]["finding/v1"] for one in results()]
    assert len(set(prints)) == len(prints)
    elsewhere = sarif(moved(verdict(), "other.yaml"))["runs"][0]["results"]
    assert [one["partialFingerprints"]["finding/v1"] for one in elsewhere] == prints


def test_the_same_verdict_gives_the_same_bytes() -> None:
    assert orjson.dumps(sarif(verdict())) == orjson.dumps(sarif(verdict()))
