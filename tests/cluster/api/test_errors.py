from __future__ import annotations

import pytest

from sovereign_ai.cluster import is_busy
from sovereign_ai.cluster.api.errors import is_about_access, join_errors, refusal, unreachable
from sovereign_ai.errors import ExitCode


def test_a_refusal_names_causes_that_the_message_leaves_out() -> None:
    causes = [{"field": "spec.replicas", "message": "must be positive"}, {"message": "repeated"}]
    body = {"message": "invalid: repeated", "reason": "Invalid", "details": {"causes": causes}}
    error = refusal("POST", "/api/v1/pods", 422, body)
    text = error.problems[0].message
    assert text == "POST /api/v1/pods: invalid: repeated; spec.replicas: must be positive"
    assert error.causes == ("spec.replicas: must be positive", "cause: repeated")


def test_causes_of_another_type_are_left_out_of_a_refusal() -> None:
    causes = [5, None, "text", {"field": "a", "message": [1]}]
    assert refusal("GET", "/x", 422, {"details": {"causes": causes}}).causes == ("a: [1]",)
    assert refusal("GET", "/x", 422, {"details": {"causes": "text"}, "reason": 5, "message": {}}).causes == ()


def test_a_missing_permission_is_an_error_of_the_environment_and_names_the_identity() -> None:
    message = 'pods is forbidden: User "jane" cannot list resource "pods"'
    error = refusal("GET", "/api/v1/pods", 403, {"message": message}, who="user 'jane'")
    assert error.exit_code == ExitCode.ENVIRONMENT
    assert error.problems[0].message.endswith("the identity is user 'jane'")


def test_a_refusal_by_an_admission_rule_is_about_the_object() -> None:
    assert not is_about_access(403, "ValidatingAdmissionPolicy 'x' denied request")
    assert is_about_access(503, "")


def test_a_server_that_cannot_be_trusted_has_another_code_than_a_silent_one() -> None:
    assert unreachable("https://a", "closed").problems[0].code == "cluster-unreachable"
    assert unreachable("https://a", "no authority", untrusted=True).problems[0].code == "cluster-untrusted"


def test_joined_refusals_keep_all_problems_and_the_status_of_the_first() -> None:
    first, second = refusal("GET", "/a", 404, {}), refusal("GET", "/b", 503, {})
    joined = join_errors([first, second])
    assert joined.problems == (*first.problems, *second.problems)
    assert (joined.status, joined.exit_code) == (404, max(first.exit_code, second.exit_code))


NAMED = {"reason": "NotFound", "details": {"name": "train-001"}}


@pytest.mark.parametrize(
    ("bodies", "uncertain", "names_object"),
    [
        ([NAMED, NAMED], [False, True], True),
        ([NAMED, NAMED], [True, False], True),
        ([NAMED, {}], [False, False], False),
        ([{}, NAMED], [False, False], False),
    ],
)
def test_joined_refusals_are_uncertain_if_any_is_and_name_objects_if_all_do(
    bodies: list[dict[str, object]], uncertain: list[bool], names_object: bool
) -> None:
    errors = []
    for body, is_uncertain in zip(bodies, uncertain, strict=True):
        errors.append(refusal("DELETE", "/a", 404, body, uncertain=is_uncertain))
    joined = join_errors(errors)
    assert (joined.uncertain, joined.names_object) == (any(uncertain), names_object)


def test_a_single_refusal_keeps_every_attribute_when_it_is_joined() -> None:
    body = {**NAMED, "details": {"name": "x", "causes": [{"field": "a", "message": "b"}]}}
    error = refusal("DELETE", "/a", 503, body, uncertain=True)
    assert vars(join_errors([error])) == vars(error)


@pytest.mark.parametrize(
    "words", ["not yet ready to handle request", "status unknown for quota: a, resources: pods"]
)
def test_what_a_server_forbids_because_it_has_just_started_is_no_lack_of_permissions(words: str) -> None:
    body = {"reason": "Forbidden", "message": f'pods "a" is forbidden: {words}'}
    error = refusal("POST", "/pods", 403, body, who="jane")
    (problem,) = error.problems
    assert (problem.code, error.exit_code) == ("cluster-starting", ExitCode.ENVIRONMENT)
    assert "wait a moment" in problem.hint
    assert "jane" not in problem.message
    assert refusal("POST", "/pods", 422, body).problems[0].code == "api-forbidden"


@pytest.mark.parametrize(
    ("status", "path", "words", "code"),
    [
        (
            403,
            "/api/v1/namespaces/a/pods",
            "no content in namespace a because it is being terminated",
            "ending",
        ),
        (404, "/api/v1/namespaces/a/pods", 'namespaces "a" not found', "gone"),
    ],
)
def test_a_namespace_that_somebody_deletes_is_told_from_a_refused_object(
    status: int, path: str, words: str, code: str
) -> None:
    error = refusal("PATCH", path, status, {"reason": "Forbidden", "message": words})
    assert error.problems[0].code == f"namespace-{code}"
    assert is_busy(error)
    itself = refusal("GET", "/api/v1/namespaces/a", 404, {"reason": "NotFound", "message": words})
    assert itself.problems[0].code == "api-not-found"
