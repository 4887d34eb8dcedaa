"""Closed forms of what lies in a GPU's memory while a transformer is trained.

States (Rajbhandari and others, ZeRO, 2020, arXiv 1910.02054, section 3.1): mixed precision with Adam keeps 16
bytes a parameter: 2 for weights, 2 for gradients, 12 for the optimizer (a copy in 32 bits, momentum and
variance).

    >>> state_bytes("bf16", "bf16", "adam")
    (2, 2, 12)

An optimizer may keep its moments in fewer bits, as DeepSeek-V3 does in 16 (arXiv 2412.19437, section 3.3.3)
and 8-bit Adam in 8 (Dettmers and others, 2021, arXiv 2110.02861), and may do without the copy in 32 bits:

    >>> state_bytes("bf16", "fp32", "adam", "bf16"), state_bytes("bf16", "bf16", "adam", "int8", "none")
    ((2, 4, 8), (2, 2, 2))

Activations (Korthikanti and others, Reducing Activation Recomputation in Large Transformer Models, 2022,
arXiv 2205.05198, section 4): for each layer and token of width h the backward pass needs, at two bytes a
value,

    inputs of both norms, of attention and of the feed-forward layer      8 h    divided along the sequence
    two dropout masks of one byte                                         2 h    divided along the sequence
    queries, keys, values, input of the output projection                 8 h    divided by the tensor degree
    what the feed-forward layer of width 4 h keeps twice                 16 h    divided by the tensor degree
    scores of attention: softmax, dropout mask, dropout                  5 a s   divided by the tensor degree

which sums to the published s b h (34 + 5 a s / h). Grouped queries keep fewer keys and values, a gate
(SwiGLU) keeps three values of the feed-forward width instead of two, and a model without dropout keeps
neither masks nor a second copy of the scores: the same count, with other widths. A token that goes to k
experts is copied to each, and the k h inputs are kept beside that of the router (Kimi K2, arXiv 2507.20534,
section 2.4.3, stores them in FP8 to save room).

    >>> gpt3 = Width(hidden=12288, query=12288, key=12288, kept=2 * 4 * 12288, dropout=True)
    >>> layer_bytes(gpt3, tokens=2048, size=2) / (2048 * 12288)
    34.0
    >>> score_bytes(heads=96, sequence=2048, tokens=2048, size=2, dropout=True) / (96 * 2048 * 2048)
    5.0
"""

from __future__ import annotations

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import ceil_div

SIZES = {
    "bf16": 2.0,
    "fp16": 2.0,
    "fp32": 4.0,
    "fp8": 1.0,
    "int8": 1.0,
    "fp4": 0.5,
    "int4": 0.5,
    "mxfp4": 0.5 + 1 / 32,
    "nvfp4": 0.5 + 1 / 16,
    "nf4": 0.5 + 0.127 / 8,
}
"""Bytes of a number by its format.

Scales of blocks are counted where the format fixes them: MXFP4 has 8 bits for 32 numbers (OCP Microscaling
Formats, version 1.0), NVFP4 8 bits for 16 (NVIDIA, "Introducing NVFP4", 2025-06), and NF4 with its scales
quantized again 0.127 bits a number (QLoRA, arXiv 2305.14314, section 3).
"""
STAGES = {"none": 0, "optimizer": 1, "gradients": 2, "parameters": 3}
"""ZeRO's stages by what they divide last."""
_KEPT = {"adam": 2, "muon": 1, "momentum": 1, "sgd": 0}
"""Moments that an optimizer keeps for a parameter."""


def state_bytes(
    precision: str, gradients: str, optimizer: str, moments: str = "fp32", master: str = "fp32"
) -> tuple[float, float, float]:
    """Return the bytes a parameter of weights, gradients and optimizer.

    Args:
        precision: the format of the weights.
        gradients: the format in which gradients are summed up.
        optimizer: `adam`, `muon`, `momentum` or `sgd`.
        moments: the format of what it keeps.
        master: the format of its copy of weights that have fewer than 32 bits; `none` for no copy.
    """
    copy = SIZES[master] if master != "none" and precision != "fp32" else 0.0
    kept = _KEPT[optimizer] * SIZES[moments] + copy
    return _plain_number(SIZES[precision]), _plain_number(SIZES[gradients]), _plain_number(kept)


def _plain_number(size: float) -> float:
    """Return a size without its fraction where it has none."""
    return int(size) if size == int(size) else size


def stage_layers(layers: int, stages: int) -> list[int]:
    """Return the layers of each pipeline stage: the same everywhere, or one less in the first and the last.

    The first and the last stage hold the embedding and the output in place of a layer (Llama 3, arXiv
    2407.21783, section 3.3.2). Where neither division is even, every stage counts as the fullest.

    >>> stage_layers(80, 4), stage_layers(126, 16)[:2]
    ([20, 20, 20, 20], [7, 8])
    """
    most = ceil_div(layers, stages)
    each = [most] * stages
    if layers % stages and not (layers + 2) % stages and stages > 1:
        each[0] -= 1
        each[-1] -= 1
    return each


def live_layers(layers: int, stages: int) -> int:
    """Return the most layers whose activations a stage keeps at once, under a schedule of 1F1B.

    Stage i of p has p - i micro-batches under way (Narayanan and others, 2021, arXiv 2104.04473, section
    2.2).

    >>> live_layers(80, 4), live_layers(126, 16)
    (80, 120)
    """
    return max(count * (stages - index) for index, count in enumerate(stage_layers(layers, stages)))


def stage_share(most: float, layers: float, own: float) -> float:
    """Return the part of a model's parameters that a stage holds.

    Args:
        most: layers of the stage.
        layers: layers of the model.
        own: layers that have parameters of their own; the others share them, in a stage as between stages.

    >>> stage_share(20, 80, 80), stage_share(3, 12, 1), stage_share(3, 12, 6)
    (0.25, 1.0, 0.5)
    """
    return min(most, own) / min(own, layers)


@frozen_dataclass
class Width:
    """The widths of a layer's activations, in values a token.

    Attributes:
        hidden: of the residual stream.
        query: of all queries of a GPU, times the tensor degree.
        key: of all keys of a GPU, times the tensor degree; at least one head a GPU.
        kept: what the feed-forward layer keeps: two or three times its width, for each expert chosen.
        dropout: whether dropout masks are kept.
        copies: inputs of experts: each expert that a token is sent to keeps a copy, on each of the GPUs that
            divide it; 0 in a dense model, whose feed-forward layer has the one that `hidden` counts.
    """

    hidden: float
    query: float
    key: float
    kept: float
    dropout: bool
    copies: float = 0


def layer_bytes(
    width: Width, tokens: float, size: float, tensor: int = 1, *, sequence: bool = False
) -> float:
    """Return the bytes of activations of one layer without the scores of attention.

    Args:
        width: the layer's widths.
        tokens: tokens of a micro-batch on this GPU.
        size: bytes of a value.
        tensor: degree of tensor parallelism.
        sequence: whether what tensor parallelism does not divide is divided along the sequence.
    """
    whole = (4 * size + 2 * width.dropout) * width.hidden
    divided = size * (2 * width.query + 2 * width.key + width.kept + width.copies)
    return tokens * (whole / (tensor if sequence else 1) + divided / tensor)


def score_bytes(
    heads: int, sequence: float, tokens: float, size: float, tensor: int = 1, *, dropout: bool = False
) -> float:
    """Return the bytes of the scores that plain attention keeps for one layer."""
    each = size + (size + 1 if dropout else 0)
    return heads * sequence * tokens * each / tensor


def shape_parameters(
    layers: int, hidden: int, queries: int, keys: int, feed_forward: int, matrices: int, vocabulary: int = 0
) -> int:
    """Return the parameters of a transformer by its widths: attention, feed-forward layers, one embedding.

    Norms and biases are left out.

    Args:
        layers: transformer layers.
        hidden: width of the residual stream.
        queries: width of all queries of a layer.
        keys: width of all keys of a layer, and of its values.
        feed_forward: width of all feed-forward layers of a layer, those of all experts.
        matrices: matrices of a feed-forward layer: two, or three with a gate.
        vocabulary: tokens that the model knows.

    Llama 3 70B and GPT-3:

    >>> round(shape_parameters(80, 8192, 8192, 1024, 28672, 3, 128256) / 1e9)
    70
    >>> round(shape_parameters(96, 12288, 12288, 12288, 4 * 12288, 2, 50257) / 1e9)
    175
    """
    attention = hidden * (2 * queries + 2 * keys)
    return layers * (attention + matrices * hidden * feed_forward) + vocabulary * hidden


def expert_parameters(parameters: float, active: float, experts: float, chosen: float) -> float:
    """Return the parameters that lie in routed experts; 0 for a dense model.

    >>> round(expert_parameters(671e9, 37e9, 256, 8) / 1e9)
    654
    """
    if experts <= chosen or active >= parameters:
        return 0.0
    return (parameters - active) / (experts - chosen) * experts
