"""Models that a program asks a hub for, unless a variable says otherwise."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sovereign_ai.rules.places.model_hubs import MAY_CALL, MAY_CALL_IN_VARIABLE, SERVICES, WORDS
from tests.rules import deciding, subject

OFFLINE = {"HF_HUB_OFFLINE": "1"}
MIRROR = {"HF_ENDPOINT": "http://hub.research.svc"}


def refused(command: list[str], arguments: list[str], variables: dict[str, str] | None = None) -> bool:
    """Return whether a pod with a container's command, arguments and variables is refused."""
    pod = subject.pod()
    env = [{"name": name, "value": value} for name, value in (variables or {}).items()]
    pod["spec"]["containers"][0].update(command=command, args=arguments, env=env)
    return "RES-013" in deciding.refused_by(pod)


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        (["train"], ["--push_to_hub"]),
        (["train"], ["--push-to-hub", "true"]),
        (["huggingface-cli", "download", "org/model"], []),
        (["/usr/bin/hf", "download"], ["org/model"]),
        (["sh", "-c", "cd /data && hf upload org/model . ."], []),
        (["hf", "auth", "login"], []),
        (["hf", "jobs", "run", "python:3"], []),
    ],
)
def test_whoever_asks_a_hub_says_which_or_that_none_is_asked(
    command: list[str], arguments: list[str]
) -> None:
    assert refused(command, arguments)
    assert refused(command, arguments, {"HF_HUB_OFFLINE": "0"})
    assert refused(command, arguments, {"HF_ENDPOINT": ""})
    assert refused(command, arguments, {"HF_ENDPOINT": "https://hub.example.org"})
    assert not refused(command, arguments, OFFLINE)
    assert not refused(command, arguments, MIRROR)


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        (["vllm", "serve"], ["/models/org/model"]),
        ([], ["--model", "/models/org"]),
        ([], ["--model", "./org/model"]),
        ([], ["--model", "models/org/model"]),
        ([], ["--model", "llama"]),
        ([], ["--served-model-name", "org/model"]),
        ([], ["--model-dir", "data/model"]),
        (["train"], ["--push_to_hub", "false"]),
        (["train"], ["--push_to_hub=False"]),
        (["hf", "cache", "ls"], []),
        (["cp", "/models/hf", "/data/x"], []),
    ],
)
def test_a_folder_and_a_name_of_its_own_ask_no_hub(command: list[str], arguments: list[str]) -> None:
    assert not refused(command, arguments)


def test_the_last_word_on_whether_the_hub_is_asked_counts() -> None:
    pod = subject.pod()
    twice = [{"name": "HF_HUB_OFFLINE", "value": "1"}, {"name": "HF_HUB_OFFLINE", "value": "0"}]
    pod["spec"]["containers"][0].update(args=["--push_to_hub"], env=twice)
    assert "RES-013" in deciding.refused_by(pod)


@pytest.mark.parametrize(
    "hub", ["hf.co", "huggingface.co", "cdn.huggingface.co", "modelscope.cn", "kaggle.com"]
)
def test_a_hub_is_known_by_its_name_alone(hub: str) -> None:
    assert refused([], [], {"MODEL": f"{hub}/org/model"})
    assert refused(["ollama", "pull", f"{hub}/org/model"], [])
    assert not refused([], [], {"MODEL": f"{hub.partition('.')[0]}/org/model"})


@pytest.mark.parametrize("pattern", [service.call for service in SERVICES])
@given(data=some.data())
def test_what_is_looked_for_first_is_in_every_call(pattern: str, data: some.DataObject) -> None:
    call = data.draw(some.from_regex(re.compile(pattern, re.ASCII), fullmatch=True))
    assert any(word in call.lower() for word in WORDS)
    assert re.search(MAY_CALL_IN_VARIABLE, call)
    assert re.search(MAY_CALL, call)


@pytest.mark.parametrize(
    "arguments",
    [
        ["-c", "from langchain import *\nx = MistralEmbeddings()"],
        ["-c", "AnthropicEmbeddings()"],
        ["-c", "pipeline(\n\n 'org/model')"],
        ["train.py", "--report_to", "all"],
        ["-m", "lmdeploy serve api_server org/model"],
    ],
)
def test_a_call_in_any_form_is_refused_without_a_setting(arguments: list[str]) -> None:
    assert refused(["python"], arguments)


def test_an_option_in_a_variable_alone_is_a_call() -> None:
    for variables in ({"MODEL_ID": "org/model"}, {"CMD": "wandb sync x"}, {"report_to": "all"}):
        assert refused([], [], variables), variables
    assert not refused([], [], {"MODEL_ID": "org/model", **OFFLINE})
    assert not refused([], [], {"MODEL_PATH": "/models/x", "STEPS": "10"})
