"""The platform's bill of materials: controllers, images by their digests, and who needs whom."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from sovereign_ai.attest.platform_bill import platform_sbom
from sovereign_ai.plan.platform import plan_platform
from tests.rules.subject import factory_of, plan_of

DIGEST = "a" * 64
IMAGE = f"registry.example.com/ai/kueue@sha256:{DIGEST}"


def bill(**platform: Any) -> dict[str, Any]:
    factory = factory_of(platform=platform)
    document: dict[str, Any] = json.loads(
        platform_sbom(replace(plan_of(factory), platform=plan_platform(factory)))
    )
    return document


def component(document: dict[str, Any], reference: str) -> dict[str, Any]:
    (found,) = [each for each in document["components"] if each["bom-ref"] == reference]
    return found  # type: ignore[no-any-return]


def test_a_controller_is_listed_with_version_licence_vendor_and_source() -> None:
    document = bill(queueing="kueue")
    kueue = component(document, "controller:kueue")
    assert (kueue["version"], kueue["supplier"]["name"]) == (
        "v0.17.0",
        "Cloud Native Computing Foundation",
    )
    assert kueue["licenses"] == [{"license": {"id": "Apache-2.0"}}]
    assert kueue["externalReferences"][0]["url"] == "https://github.com/kubernetes-sigs/kueue"
    assert document["bomFormat"] == "CycloneDX"


def test_an_image_is_listed_with_its_digest_and_hangs_under_its_controller() -> None:
    document = bill(queueing="kueue", controllers=[{"name": "kueue", "images": [IMAGE]}])
    image = component(document, f"image:{IMAGE}")
    assert image["hashes"] == [{"alg": "SHA-256", "content": DIGEST}]
    needs = {entry["ref"]: entry.get("dependsOn", []) for entry in document["dependencies"]}
    assert needs["controller:kueue"] == [f"image:{IMAGE}"]


def test_a_controller_hangs_under_the_one_that_needs_it() -> None:
    document = bill(jobs=["jobset", "trainer"])
    needs = {entry["ref"]: entry.get("dependsOn", []) for entry in document["dependencies"]}
    assert needs["controller:trainer"] == ["controller:jobset"]
    assert needs["platform"] == ["controller:jobset", "controller:trainer"]


def test_words_that_are_no_licence_identifier_or_address_are_kept_as_words() -> None:
    details = {"name": "kueue", "licence": "our contract", "source": "our own build, signed"}
    kueue = component(bill(queueing="kueue", controllers=[details]), "controller:kueue")
    assert kueue["licenses"] == [{"license": {"name": "our contract"}}]
    assert "externalReferences" not in kueue
    properties = {entry["name"].rpartition(":")[2]: entry["value"] for entry in kueue["properties"]}
    assert properties["source"] == "our own build, signed"


def test_what_is_reached_and_what_is_switched_off_are_properties() -> None:
    off = {"name": "usage", "kind": "telemetry", "used": False}
    grafana = component(
        bill(monitoring="grafana", controllers=[{"name": "grafana", "contacts": [off]}]), "controller:grafana"
    )
    values = {entry["name"]: entry["value"] for entry in grafana["properties"]}
    assert values["sovereign-ai:platform:telemetry:usage"] == "switched off"
    assert values["sovereign-ai:platform:endpoint:updates"] == "grafana.com"


def test_the_same_platform_gives_the_same_bytes_and_another_does_not() -> None:
    factory = factory_of(platform={"queueing": "kueue"})
    planned = replace(plan_of(factory), platform=plan_platform(factory))
    assert platform_sbom(planned) == platform_sbom(planned)
    assert platform_sbom(planned) != platform_sbom(plan_of(factory))
