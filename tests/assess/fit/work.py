"""Jobs and services that the tests of a fit share: published models and layouts."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from sovereign_ai.assess.fit.components import InferenceService, TrainingJob

# Table 3 of The Llama 3 Herd of Models (2024, arXiv 2407.21783).
LLAMA_405B = {
    "parameters": 405_000_000_000,
    "layers": 126,
    "hidden": 16_384,
    "heads": 128,
    "kv_heads": 8,
    "feed_forward": 53_248,
    "gated": True,
    "sequence": 8_192,
    "precision": "bf16",
}
LLAMA_70B = {
    "parameters": 70_000_000_000,
    "layers": 80,
    "hidden": 8_192,
    "heads": 64,
    "kv_heads": 8,
    "feed_forward": 28_672,
    "gated": True,
    "sequence": 8_192,
    "precision": "bf16",
}
JOB: dict[str, Any] = {
    "kind": "TrainingJob",
    "name": "pretrain",
    "tenant": "research",
    "pool": "train",
    "gpus": 64,
    "model": LLAMA_70B,
    "parallel": {"tensor": 8, "pipeline": 4, "data": 2, "sequence": True},
    "optimizer": {"kind": "adam", "gradients": "fp32", "sharding": "optimizer"},
    "attention": "fused",
    "recompute": "full",
    "micro_batch": 1,
    "checkpoint": {"tier": "scratch", "interval": "30 min"},
}
SERVICE: dict[str, Any] = {
    "kind": "InferenceService",
    "name": "chat",
    "tenant": "startups",
    "pool": "serve",
    "replicas": 4,
    "tensor": 8,
    "model": {
        "parameters": 70_000_000_000,
        "layers": 80,
        "hidden": 8_192,
        "heads": 64,
        "kv_heads": 8,
        "weights": "bf16",
        "cache": "bf16",
    },
    "prompt": 2_048,
    "context": 8_192,
    "concurrent": 64,
    "targets": {"ttft_ms": 500, "tpot_ms": 50},
}


def changed_fields(base: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Give a file's fields with some replaced; `model__layers=2` replaces one inside, None removes it."""
    data = deepcopy(base)
    for name, value in fields.items():
        *steps, last = name.split("__")
        inner = data
        for step in steps:
            inner = inner.setdefault(step, {})
        if value is None:
            inner.pop(last, None)
        else:
            inner[last] = value
    return data


def job(**fields: Any) -> TrainingJob:
    """Give the job with some fields replaced."""
    return TrainingJob.model_validate(changed_fields(JOB, **fields))


def service(**fields: Any) -> InferenceService:
    """Give the service with some fields replaced."""
    return InferenceService.model_validate(changed_fields(SERVICE, **fields))
