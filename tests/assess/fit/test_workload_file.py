"""The reader of jobs and services: every problem at once, with its line and the nearest name."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from sovereign_ai.assess.fit.components import InferenceService, TrainingJob
from sovereign_ai.assess.fit.workload_file import read_workload
from sovereign_ai.errors import SpecError
from tests.assess.fit.work import JOB, SERVICE
from tests.assess.stacks import stack

HEAD = "kind: TrainingJob\nname: a\n"
SERVED = "kind: InferenceService\nname: a\npool: serve\n"


def _problems(text: str, folder: Path) -> list[str]:
    file = folder / "job.yaml"
    file.write_text(text)
    with pytest.raises(SpecError) as caught:
        read_workload(file, stack("lab")[0])
    return [
        f"{problem.where.line}: {problem.code}: {problem.message}: {problem.hint}"
        for problem in caught.value.problems
    ]


@pytest.mark.parametrize(("data", "kind"), [(JOB, TrainingJob), (SERVICE, InferenceService)])
def test_a_whole_file_is_read_as_its_kind(
    data: dict[str, object], kind: type[TrainingJob | InferenceService], tmp_path: Path
):
    file = tmp_path / "work.yaml"
    file.write_text(yaml.safe_dump(data))
    work = read_workload(file, stack("lab")[0])
    assert work == kind.model_validate(data)


# One problem a line, so that each reads as the reader prints it.
# ruff: noqa: E501, ISC004
REFUSED = [
    ("", ["1: wrong-type: the file is empty: start with 'kind:' and one of TrainingJob, InferenceService"]),
    (
        "name: a\n",
        ["1: missing-field: kind is missing: write kind: and one of TrainingJob, InferenceService"],
    ),
    (
        "kind: TrainingJbo\n",
        ["1: not-allowed: 'TrainingJbo' is no kind of work: did you mean 'TrainingJob'?"],
    ),
    (
        HEAD + "pool: trian\nnodes: 2\ntenant: reserch\ncheckpoint: {tier: scrach}\n",
        [
            "3: unknown-name: no pool of the stack is called 'trian': did you mean 'train'?",
            "5: unknown-name: no tenant of the stack is called 'reserch': did you mean 'research'?",
            "6: unknown-name: no storage tier of the stack is called 'scrach': did you mean 'scratch'?",
        ],
    ),
    (
        HEAD + "pool: train\n",
        [
            "1: nodes-or-gpus: a job has either nodes or gpus, and neither is given: write one of them: nodes: 16"
        ],
    ),
    (
        HEAD + "pool: train\nnodes: 2\ngpus: 16\n",
        [
            "4: nodes-or-gpus: a job has either nodes or gpus, and both are given: write one of them: nodes: 16"
        ],
    ),
    (
        HEAD + "pool: trian\nnodes: 2\nmodel: {layer: 80}\n",
        [
            "3: unknown-name: no pool of the stack is called 'trian': did you mean 'train'?",
            "5: unknown-field: 'model' has no field 'layer': did you mean 'layers'?",
        ],
    ),
    (
        HEAD + "pool: train\nnodes: 2\nmodel: {heads: 64, kv_heads: 128, hidden: 8192}\n",
        [
            "5: more-than-whole: 128 is more than the heads of the model, 64: write at most 64, or fix model.heads",
            "5: uneven-heads: 128 key and value heads do not divide the 64 heads evenly: "
            "write a divisor of model.heads",
        ],
    ),
    (
        HEAD + "pool: train\nnodes: 2\nparallel: {expert: 4}\nelastic: {min_nodes: 1}\n",
        [
            "5: no-experts: 4 GPUs share experts, and the model has none: "
            "write model.experts, or leave parallel.expert out",
            "6: no-checkpoint: an elastic job starts again from a checkpoint when its size changes, "
            "and it has none: write checkpoint: {tier: NAME, interval: 30 min}",
        ],
    ),
    (
        SERVED + "replicas: 2\nprefill: {replicas: 1, tensor: 8}\nprompt: 9\ncontext: 8\n",
        [
            "4: replicas-or-pools: a service has replicas and tensor, or prefill and decode; "
            "given: replicas, prefill: write replicas: 2 and tensor: 8",
            "6: prompt-too-long: a prompt of 9 tokens is longer than the context of 8: "
            "context holds prompt and answer together",
        ],
    ),
]


@pytest.mark.parametrize(("text", "problems"), REFUSED, ids=range(len(REFUSED)))
def test_a_refused_file_has_exactly_these_problems(text: str, problems: list[str], tmp_path: Path):
    assert _problems(text, tmp_path) == problems
