"""Services as objects of KServe and Dynamo: golden pairs, what they cannot say, and the rules."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.assess.fit.components import InferenceService, Replicas
from sovereign_ai.assess.fit.serving_platforms import (
    ServingForm,
    platform_forms,
    serving_form,
    serving_manifests,
)
from sovereign_ai.assess.fit.workload_kinds import deviations
from sovereign_ai.errors import UsageError
from sovereign_ai.render.kubernetes import yaml_stream
from sovereign_ai.rules.context import factory_context
from sovereign_ai.rules.engine import evaluate
from sovereign_ai.spec.platform import Platform
from tests.assess.fit.work import job, service
from tests.assess.stacks import stack

GOLDEN = Path(__file__).parent / "golden"
IMAGE = "registry.example.com/ai/serve@sha256:" + "a" * 64
URI = "pvc://weights/llama"
FORMS = [ServingForm.KSERVE, ServingForm.DYNAMO]


def split(**fields: Any) -> InferenceService:
    """Give the service with prefill and decode."""
    pools = {"prefill": Replicas(replicas=2, tensor=4), "decode": Replicas(replicas=1, tensor=8, pipeline=2)}
    return service(model__uri=URI, replicas=None, tensor=None, **{**pools, **fields})


CASES = {
    "joint": service(model__uri=URI),
    "split": split(team="vision"),
    "stages": service(model__uri=URI, replicas=2, tensor=4, pipeline=4),
    "experts": service(model__uri=URI, model__experts=256, tensor=2, data=16),
    "claims": split(devices="claims"),
}


def rendered(work: InferenceService, form: ServingForm) -> list[dict[str, Any]]:
    _, plan = stack("lab")
    return serving_manifests(plan, work, IMAGE, form)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", CASES)
def test_a_service_is_the_object_that_is_written_beside_this_test(
    name: str, form: ServingForm, golden: Callable[[Path, str], None]
) -> None:
    golden(GOLDEN / f"{form}-{name}.yaml", yaml_stream(rendered(CASES[name], form)))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", CASES)
def test_every_object_is_what_its_definition_allows_and_no_rule_of_the_zone_refuses_it(
    name: str, form: ServingForm
) -> None:
    factory, plan = stack("lab")
    objects = rendered(CASES[name], form)
    assert deviations(objects[-1]) == []
    findings = evaluate(objects, factory_context(factory, plan))
    assert [str(finding) for finding in findings if finding.status == "violation"] == []


def refusals(obj: dict[str, Any]) -> set[str]:
    """Give the rules that refuse an object."""
    factory, plan = stack("lab")
    findings = evaluate([obj], factory_context(factory, plan))
    return {finding.rule for finding in findings if finding.status == "violation"}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("model", {"uri": "hf://example/llm"}),
        ("model", {"uri": "oci://quay.io/example/llm"}),
        ("model", {"uri": URI, "lora": {"adapters": [{"uri": "hf://example/a", "name": "a"}]}}),
        ("router", {"ingress": {"refs": [{"name": "a", "namespace": "b"}]}}),
        ("router", {"gateway": {"refs": [{"name": "a", "namespace": "b"}]}}),
        ("router", {"route": {"http": {"spec": {"hostnames": ["a.example.org"]}}}}),
        ("router", {"scheduler": {"config": {"inline": {"plugins": []}}}}),
    ],
)
def test_an_inference_service_for_language_models_that_leads_out_is_refused(path: str, value: Any) -> None:
    (obj,) = rendered(CASES["joint"], ServingForm.KSERVE)
    obj["spec"]["router"] = {"route": {}, "gateway": {}, "scheduler": {}}
    assert refusals(obj) == set()
    obj["spec"][path] = value
    assert refusals(obj) == {"RES-012"}


@pytest.mark.parametrize("pods", ["template", "worker", "prefill"])
def test_each_pod_of_an_inference_service_for_language_models_is_judged(pods: str) -> None:
    (obj,) = rendered(split(), ServingForm.KSERVE)
    spec = obj["spec"]["prefill"]["template"] if pods == "prefill" else obj["spec"][pods]
    spec["containers"][0]["image"] = "docker.io/example/llm:latest"
    assert {"IMG-001", "IMG-002"} <= refusals(obj)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ingress", {"enabled": True, "host": "a.example.org"}),
        ("envFromSecrets", ["a"]),
        ("checkpoint", {"enabled": True, "checkpointRef": "a"}),
        ("eppConfig", {"config": {}}),
    ],
)
def test_a_service_of_a_graph_that_no_condition_reads_is_refused(field: str, value: Any) -> None:
    (obj,) = rendered(CASES["joint"], ServingForm.DYNAMO)
    obj["spec"]["services"]["Worker"][field] = value
    assert refusals(obj) == {"RES-012"}


def test_the_first_container_of_a_graphs_pod_is_judged_as_any_container() -> None:
    (obj,) = rendered(CASES["joint"], ServingForm.DYNAMO)
    main = obj["spec"]["services"]["Worker"]["extraPodSpec"]["mainContainer"]
    main["image"] = "docker.io/example/llm:latest"
    main["env"] = [{"name": "HF_ENDPOINT", "value": "https://hub.example.org"}]
    assert {"IMG-001", "IMG-002", "RES-013"} <= refusals(obj)


def test_a_graph_of_another_version_has_fields_that_no_rule_reads_and_is_refused() -> None:
    (obj,) = rendered(CASES["joint"], ServingForm.DYNAMO)
    newer = {"components": [{"name": "a", "podTemplate": {"spec": {"containers": []}}}]}
    assert refusals(obj | {"apiVersion": "nvidia.com/v1beta1", "spec": newer}) == {"RES-012"}


def refused(work: InferenceService) -> tuple[str, str]:
    """Give code and field of what KServe's object cannot say."""
    with pytest.raises(UsageError) as caught:
        rendered(work, ServingForm.KSERVE)
    (problem,) = caught.value.problems
    return problem.code, problem.where.field


@pytest.mark.parametrize(
    ("work", "problem"),
    [
        (service(), ("no-model-place", "model.uri")),
        (service(model__uri=URI, tensor=16), ("not-in-kserve", "tensor")),
        (service(model__uri=URI, model__experts=8, data=2, pipeline=2), ("not-in-kserve", "pipeline")),
        (service(model__uri=URI, model__experts=8, tensor=4, data=5), ("not-in-kserve", "data")),
        (split(decode=Replicas(replicas=1, tensor=16)), ("not-in-kserve", "decode.tensor")),
    ],
)
def test_what_kserve_has_no_form_for_is_refused_at_its_field(
    work: InferenceService, problem: tuple[str, str]
) -> None:
    assert refused(work) == problem
    assert rendered(work, ServingForm.DYNAMO)


@pytest.mark.parametrize("uri", ["hf://example/llm", "s3://models/llm", "https://hub.example.org/llm"])
def test_a_place_that_does_not_say_that_it_is_in_the_factory_is_a_problem(uri: str) -> None:
    problems = list(service(model__uri=uri).problems())
    assert [(each.code, each.where.field) for each in problems] == [("model-place", "model.uri")]
    assert list(service(model__uri="oci://registry.example.com/ai/llm").problems()) == []


def test_the_platform_decides_the_form_and_a_choice_comes_first() -> None:
    factory, _ = stack("lab")
    forms = {}
    for serving in ((), ("kserve",), ("dynamo",)):
        other = factory.model_copy(update={"platform": Platform(serving=serving)})
        forms[serving] = (serving_form(other, service()).value, serving_form(other, service(), "lws").value)
        assert [form.value for form in platform_forms(other)] == list(serving)
        assert serving_form(other, job()) is ServingForm.LWS
    assert forms == {(): ("lws", "lws"), ("kserve",): ("kserve", "lws"), ("dynamo",): ("dynamo", "lws")}


@pytest.mark.parametrize(
    ("serving", "work", "chosen", "code"),
    [
        ((), service(), "kserv", "unknown-name"),
        ((), job(), "kserve", "not-a-service"),
        (("kserve", "dynamo"), service(), "", "several-forms"),
    ],
)
def test_a_form_that_is_none_or_not_one_is_refused(
    serving: tuple[str, ...], work: Any, chosen: str, code: str
) -> None:
    factory, _ = stack("lab")
    other = factory.model_copy(update={"platform": Platform(serving=serving)})
    with pytest.raises(UsageError) as caught:
        serving_form(other, work, chosen)
    assert caught.value.problems[0].code == code
