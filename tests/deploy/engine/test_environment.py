"""What an inherited environment can do to the engine's state and secrets: nothing, and not silently."""

from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.deploy.engine.environment import engine_environment
from sovereign_ai.errors import EnvironmentLacksError, ExitCode

_OWN = {
    "PULUMI_BACKEND_URL": "file:///home/a/state/sovereign-ai/pulumi",
    "PULUMI_CONFIG_PASSPHRASE_FILE": "/home/a/state/sovereign-ai/state.key",
    "PULUMI_HOME": "/home/a/state/sovereign-ai/pulumi-home",
    "PULUMI_STACK": "lab",
    "KUBECONFIG": "/home/a/kubeconfig",
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PULUMI_CONFIG_PASSPHRASE", ""),
        ("PULUMI_CONFIG_PASSPHRASE", "hunter2"),
        ("PULUMI_CONFIG_PASSPHRASE", "/home/a/state/sovereign-ai/state.key"),
        ("PULUMI_CONFIG_PASSPHRASE_FILE", "/elsewhere/other.key"),
        ("PULUMI_CONFIG_PASSPHRASE_FILE", ""),
        ("PULUMI_BACKEND_URL", "s3://bucket.us-east-1"),
        ("PULUMI_BACKEND_URL", "https://api.pulumi.com"),
        ("PULUMI_BACKEND_URL", "file:///tmp/pulumi"),
        ("PULUMI_BACKEND_URL", "file:///home/a/state/sovereign-ai/pulumi-of-somebody"),
        ("PULUMI_BACKEND_URL", ""),
        ("PULUMI_OPTION_SECRETS_PROVIDER", "awskms://alias/x?region=us-east-1"),
        ("PULUMI_OPTION_CONFIG_FILE", "/elsewhere/Pulumi.lab.yaml"),
    ],
)
def test_a_variable_that_moves_state_or_secrets_is_refused_by_its_name_alone(name: str, value: str) -> None:
    with pytest.raises(EnvironmentLacksError) as refused:
        engine_environment({name: value}, _OWN)
    assert [(one.code, one.where.field) for one in refused.value.problems] == [("foreign-environment", name)]
    assert refused.value.exit_code is ExitCode.ENVIRONMENT
    assert "hunter2" not in str(refused.value), "its value may be a secret"


def test_every_such_variable_is_named_at_once() -> None:
    ambient = {"PULUMI_CONFIG_PASSPHRASE": "", "PULUMI_BACKEND_URL": "s3://bucket"}
    with pytest.raises(EnvironmentLacksError) as refused:
        engine_environment(ambient, _OWN)
    assert len(refused.value.problems) == 2


@pytest.mark.parametrize(
    "name",
    [
        "PULUMI_ACCESS_TOKEN",
        "PULUMI_DIY_BACKEND_PARALLEL",
        "PULUMI_SELF_MANAGED_STATE_LEGACY_LAYOUT",
        "PULUMI_DISABLE_VALIDATION",
        "PULUMI_K8S_ENABLE_PATCH_FORCE",
        "PULUMI_OPTION_TARGET",
        "PULUMI_OPTION_EXCLUDE_PROTECTED",
        "PULUMI_HOME",
        "PULUMI_STACK",
        "PULUMI_A_VARIABLE_OF_A_LATER_VERSION",
    ],
)
def test_no_other_variable_of_pulumi_reaches_the_engine(name: str) -> None:
    assert engine_environment({name: "x"}, _OWN) == _OWN


def test_policy_packs_and_what_is_not_pulumis_own_are_kept() -> None:
    ambient = {"PULUMI_OPTION_POLICY_PACK": "pack", "LANG": "C", "AWS_PROFILE": "x"}
    assert engine_environment(ambient, _OWN) == {**ambient, **_OWN}


@pytest.mark.parametrize("state", ["pulumi", "pulumi-kind"])
def test_what_the_env_command_exported_for_either_local_control_plane_is_no_contradiction(state: str) -> None:
    ambient = {**_OWN, "PULUMI_BACKEND_URL": f"file:///home/a/state/sovereign-ai/{state}"}
    assert engine_environment(ambient, _OWN) == _OWN


def test_names_are_judged_whatever_a_value_looks_like() -> None:
    ambient = {"PULUMI_BACKEND_URL": f"file://{Path('/home/a/state/sovereign-ai/../../../../tmp/pulumi')}"}
    with pytest.raises(EnvironmentLacksError):
        engine_environment(ambient, _OWN)
