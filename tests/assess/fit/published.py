"""Published deployments: the model and the layout of each, and whether it fits, as its publisher says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sovereign_ai.assess.fit.components import InferenceService, TrainingJob
from sovereign_ai.catalog.system import system
from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.reader import load
from tests.assess.fit.work import LLAMA_405B

LLAMA = {name: LLAMA_405B[name] for name in ("parameters", "layers", "hidden", "heads", "kv_heads")}
DEEPSEEK: dict[str, Any] = {
    "parameters": 671_000_000_000,
    "active": 37_000_000_000,
    "layers": 61,
    "hidden": 7_168,
    "heads": 128,
    "kv_heads": 128,
    "head_width": 128,
    "experts": 256,
    "experts_chosen": 8,
}
KIMI = {**DEEPSEEK, "parameters": 1_040_000_000_000, "active": 32_600_000_000}
KIMI |= {"heads": 64, "kv_heads": 64, "experts": 384}
QWEN = {"parameters": 235_000_000_000, "active": 22_000_000_000, "layers": 94, "hidden": 4_096, "heads": 64}
QWEN |= {"kv_heads": 4, "head_width": 128, "experts": 128, "experts_chosen": 8}
GPT_OSS = {"parameters": 116_830_000_000, "active": 5_130_000_000, "layers": 36, "hidden": 2_880, "heads": 64}
GPT_OSS |= {"kv_heads": 8, "head_width": 64, "experts": 128, "experts_chosen": 4}
MIXTRAL = {"parameters": 46_700_000_000, "active": 12_900_000_000, "layers": 32, "hidden": 4_096, "heads": 32}
MIXTRAL |= {"kv_heads": 8, "experts": 8, "experts_chosen": 2}
MLA = {"cache_width": 576}
TRAINED_MOE = {"feed_forward": 2_048, "gated": True, "sequence": 4_096, "precision": "bf16"}
FOLDED = {"tensor": 2, "expert_tensor": 1, "sequence": True}
BRIDGE = {"kind": "adam", "moments": "bf16", "gradients": "bf16"}


@dataclass(frozen=True, slots=True)
class Published:
    """One deployment.

    Attributes:
        name: what it is.
        source: who says so.
        system: the machine, by its name in the catalogue.
        nodes: how many of them.
        work: the file.
        verdict: `fits`, `does not fit` or `not known`.
        states: bytes of weights, gradients and optimizer of a GPU; 0 where none are published.
        fabric: the compute fabric; empty where no group needs one.
    """

    name: str
    source: str
    system: str
    nodes: int
    work: TrainingJob | InferenceService
    verdict: str = "fits"
    states: float = 0
    fabric: str = ""

    def fleet(self, folder: Path) -> tuple[AIFactory, Plan]:
        """Give a factory of such machines alone, with its plan."""
        file = folder / "factory.yaml"
        gpus = self.nodes * system(self.system).gpus
        text = _FACTORY.format(system=self.system, nodes=self.nodes, gpus=gpus)
        text += f"fabrics:\n  - {self.fabric}\n" if self.fabric else ""
        file.write_text(text, encoding="utf-8")
        factory = load(file)
        return factory, plan(factory)


def serving(
    model: dict[str, Any], weights: str, shape: dict[str, Any], more: dict[str, Any] | None = None
) -> InferenceService:
    """Give a service of few requests of 8,192 tokens, with targets that any machine keeps."""
    return InferenceService.model_validate(
        {
            "kind": "InferenceService",
            "name": "chat",
            "tenant": "firm",
            "pool": "pool",
            "replicas": 1,
            "model": {**model, "weights": weights, "cache": "bf16", **(more or {})},
            "prompt": 2_048,
            "context": 8_192,
            "concurrent": 4,
            "targets": {"ttft_ms": 60_000, "tpot_ms": 1_000},
            **shape,
        }
    )


def _job(
    model: dict[str, Any], parallel: dict[str, Any], optimizer: dict[str, Any], **more: object
) -> TrainingJob:
    """Give a job that keeps no activation but the inputs of its layers."""
    return TrainingJob.model_validate(
        {
            "kind": "TrainingJob",
            "name": "pretrain",
            "tenant": "firm",
            "pool": "pool",
            "gpus": 2_048,
            "model": model,
            "parallel": parallel,
            "optimizer": {"gradients": "fp32", "sharding": "optimizer", **optimizer},
            "attention": "fused",
            "recompute": "full",
            "micro_batch": 1,
            "checkpoint": {"tier": "scratch", "interval": "30 min"},
            **more,
        }
    )


H100, H200, NVL72 = "dgx-h100", "dgx-h200", "gb200-nvl72-tray"
RAILS = "{name: compute, role: compute, kind: infiniband, rails: 8, radix: 64, link: 400 Gbps}"
DEPLOYMENTS = (
    Published(
        "Kimi K2 in training",
        "arXiv 2507.20534, section 2.4.2: 16 stages, 16 GPUs share experts, about 30 GB for all states",
        H100,
        256,
        _job(KIMI | TRAINED_MOE, {"pipeline": 16, "data": 128, "expert": 16}, {"kind": "muon"}),
        states=30e9,
    ),
    Published(
        "DeepSeek-V3 in training",
        "arXiv 2412.19437, sections 3.2 and 3.3.3: 16 stages, 64 GPUs share experts, moments in BF16",
        H100,
        256,
        _job(
            DEEPSEEK | TRAINED_MOE,
            {"pipeline": 16, "data": 128, "expert": 64},
            {"kind": "adam", "moments": "bf16"},
        ),
    ),
    Published(
        "DeepSeek-V3 in Megatron Bridge",
        "its recipe for 1,024 H100: two GPUs of a tensor group among the 64 that share experts",
        H100,
        128,
        _job(DEEPSEEK | TRAINED_MOE, FOLDED | {"pipeline": 16, "expert": 64}, BRIDGE, gpus=1_024).model_copy(
            update={"recompute": "selective"}
        ),
    ),
    Published(
        "the same on the fewest machines",
        "its recipe for 32 machines",
        H100,
        32,
        _job(DEEPSEEK | TRAINED_MOE, FOLDED | {"pipeline": 8, "expert": 32}, BRIDGE, gpus=256),
    ),
    Published(
        "Llama 3.1 405B in FP8",
        "arXiv 2407.21783, section 6.2",
        H100,
        1,
        serving(LLAMA, "fp8", {"tensor": 8}),
    ),
    Published(
        "the same in BF16",
        "arXiv 2407.21783, section 6.1: needs two machines",
        H100,
        1,
        serving(LLAMA, "bf16", {"tensor": 8}),
        "does not fit",
    ),
    Published(
        "the same in BF16, in two stages",
        "arXiv 2407.21783, section 6.1",
        H100,
        2,
        serving(LLAMA, "bf16", {"tensor": 8, "pipeline": 2}),
    ),
    Published(
        "Llama 3.1 405B in BF16 on AMD",
        "AMD and Meta, 2024-07: one machine of eight MI300X",
        "mi300x-oam8",
        1,
        serving(LLAMA, "bf16", {"tensor": 8}),
    ),
    Published("DeepSeek-V3", "SGLang: eight H200", H200, 1, serving(DEEPSEEK, "fp8", {"tensor": 8}, MLA)),
    Published(
        "DeepSeek-V3 on eight H100",
        "SGLang: its weights are 671 GB",
        H100,
        1,
        serving(DEEPSEEK, "fp8", {"tensor": 8}, MLA),
        "does not fit",
    ),
    Published(
        "DeepSeek-V3 on sixteen H100",
        "vLLM's documentation on several nodes: pipelines of whole machines",
        H100,
        2,
        serving(DEEPSEEK, "fp8", {"tensor": 8, "pipeline": 2}, MLA),
    ),
    Published(
        "DeepSeek-R1 in NVFP4",
        "NVIDIA's checkpoint DeepSeek-R1-FP4: eight B200",
        "dgx-b200",
        1,
        serving(DEEPSEEK, "nvfp4", {"tensor": 8}, MLA),
    ),
    Published(
        "Kimi K2 Thinking in INT4",
        "its checkpoint of 594 GB: eight H200",
        H200,
        1,
        serving(KIMI, "int4", {"tensor": 8}, MLA | {"weights_size": "594 GB"}),
    ),
    Published(
        "Kimi K2 on one machine",
        "eight MI355X hold 2.3 TB (AMD)",
        "mi355x-oam8",
        1,
        serving(KIMI, "fp8", {"tensor": 8}, MLA),
    ),
    Published("gpt-oss-120b", "OpenAI: one GPU of 80 GB", H100, 1, serving(GPT_OSS, "mxfp4", {"tensor": 1})),
    Published(
        "gpt-oss-120b on 48 GB",
        "OpenAI: its weights are 61 GiB",
        "l40s-server-8",
        1,
        serving(GPT_OSS, "mxfp4", {"tensor": 1}),
        "does not fit",
    ),
    Published(
        "Qwen3-235B-A22B in FP8",
        "GPUStack's performance lab: four H100",
        H100,
        1,
        serving(QWEN, "fp8", {"tensor": 4}),
    ),
    Published(
        "Mixtral 8x7B on PCIe",
        "NVIDIA, RAG LLM Operator 24.3, platform support: four L40S",
        "l40s-server-8",
        1,
        serving(MIXTRAL, "bf16", {"tensor": 4}),
    ),
    Published(
        "Llama 3.1 405B on a part of a rack",
        "a layout of ours: four copies of 16 in 72",
        NVL72,
        18,
        serving(LLAMA, "bf16", {"tensor": 16, "replicas": 4}),
    ),
    Published(
        "nine such copies in two racks",
        "four groups of 16 leave eight of 72 GPUs",
        NVL72,
        36,
        serving(LLAMA, "bf16", {"tensor": 16, "replicas": 9}),
        "does not fit",
    ),
    Published(
        "Kimi K2 over two machines",
        "its deployment guide: tensor parallelism over 16 GPUs is the smallest unit in FP8",
        H200,
        2,
        serving(KIMI, "fp8", {"tensor": 16}, MLA),
        fabric=RAILS,
    ),
    Published(
        "the same where nothing joins the machines",
        "a factory of ours",
        H200,
        2,
        serving(KIMI, "fp8", {"tensor": 16}, MLA),
        "does not fit",
    ),
    Published(
        "DeepSeek-V3 over two machines",
        "SGLang's benchmark README: tensor parallelism over two machines of eight H20 or H800",
        H100,
        2,
        serving(DEEPSEEK, "fp8", {"tensor": 16}, MLA),
        fabric=RAILS,
    ),
    Published(
        "DeepSeek-V3 in BF16 over four machines",
        "SGLang's benchmark README: four machines of eight A100 (here of eight H100)",
        H100,
        4,
        serving(DEEPSEEK, "bf16", {"tensor": 32}, MLA),
        fabric=RAILS,
    ),
)
_FACTORY = """
name: firm
operator:
  name: Firm
  seat: DE
  parent: {{seat: DE}}
  staff: {{location: [DE], citizenship: [EU]}}
  support: [DE]
  soc: [DE]
  exit_plan: documented
sites:
  - name: site
    country: DE
    power: {{it_budget: 100 MW, feeds: {{A: 120 MW, B: 120 MW}}, survive: none}}
    halls:
      - {{name: hall, cooling: {{kind: hybrid, supply: 30 degC, cdu_capacity: 100 MW}}, rack_limit: 400 kW}}
    uplinks:
      - {{name: east, carrier: C, carrier_seat: DE, rate: 100 Gbps, route: [DE], encryption: macsec}}
pools:
  - {{name: pool, site: site, system: {system}, nodes: {nodes}, purpose: training, zone: zone}}
storage:
  - {{name: scratch, protocol: parallel, grade: better, capacity: 50 PB, zone: zone,
     encryption: {{key: key}}}}
keys:
  - {{name: key, custodian: customer, module: pkcs11, jurisdiction: DE}}
zones:
  - {{name: zone, trust: high, tenants: [firm], isolation: {{fabric: partition}}}}
tenants:
  - {{name: firm, seat: DE, gpus: {gpus}, data: [personal]}}
residency:
  - {{data: personal, in: [DE], replicas: [DE], backups: [DE], logs: [DE], keys: [DE], staff_access: [EU]}}
images: {{registries: [registry.example.com/ai]}}
"""
