"""Tensor-parallel groups over several scale-up domains, against a division by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovereign_ai.assess.fit.report import Fit, assess_fit
from sovereign_ai.assess.fit.spanning import exchange_seconds, spanned_domains
from sovereign_ai.assess.fit.workload_manifests import manifests
from sovereign_ai.names import KEYS
from tests.assess.fit.published import DEPLOYMENTS, KIMI, MLA, NVL72, Published, serving
from tests.assess.fit.work import service
from tests.assess.stacks import stack

RACKS = "{name: compute, role: compute, kind: infiniband, rails: 4, radix: 64, link: 400 Gbps}"


@given(st.integers(1, 400), st.sampled_from([(8, 1), (4, 18), (4, 2), (1, 1)]))
def test_a_group_lies_in_the_fewest_domains_that_whole_servers_divide(size: int, domain: tuple[int, int]):
    gpus, servers = domain
    found = spanned_domains(size, gpus, servers)
    if size <= gpus * servers:
        assert found == 1
        return
    ways: list[int] = []
    for count in range(1, size + 1):
        is_even = not size % count and not size // count % gpus
        if is_even and size // count <= gpus * servers:
            ways.append(count)
    assert found == (min(ways) if ways else 0)


@given(st.integers(2, 6), st.integers(1, 50), st.integers(1, 50))
def test_an_exchange_takes_as_long_as_a_ring_that_is_simulated_step_by_step(
    domains: int, values: int, rate: int
):
    """Each domain sends a part of 1 / N in each of 2 (N - 1) steps: reduce-scatter, then all-gather."""
    held = [{part: {domain} for part in range(domains)} for domain in range(domains)]
    sent = 0.0
    for step in range(2 * (domains - 1)):
        moves = [(domain, (domain - step) % domains) for domain in range(domains)]
        passed = [set(held[domain][part]) for domain, part in moves]
        for (domain, part), summed in zip(moves, passed, strict=True):
            held[(domain + 1) % domains][part] |= summed
        sent += values / domains
    everybody = set(range(domains))
    assert all(part == everybody for own in held for part in own.values())
    assert exchange_seconds(1, domains, values, 2, rate) == pytest.approx(sent * 2 / rate)


def _published(name: str, folder: Path) -> Fit:
    published = next(entry for entry in DEPLOYMENTS if entry.name == name)
    return assess_fit(*published.fleet(folder), published.work)


def test_kimi_k2_over_two_machines_is_advised_and_its_latencies_hold_the_exchange(tmp_path: Path):
    fit = _published("Kimi K2 over two machines", tmp_path)
    prompt, width, layers = 2_048, 7_168, 61
    # Two sums a layer over eight ports of 400 Gbps; half of each sum goes out, and half comes back.
    least = 2 * layers * prompt * width * 2 / 400e9
    assert fit.measure("exchange.ttft").value == pytest.approx(least)
    assert (fit.measure("ttft").value or 0) >= least
    assert len(fit.advice) == 2
    assert all("122 sums" in text for text, _ in fit.advice)
    assert any(line.startswith("  advice: ") for line, _ in fit.lines_with_measures())
    assert fit.to_data()["advice"] == [text for text, _ in fit.advice]


def test_a_target_that_the_fabric_alone_misses_is_missed():
    """A prompt of 64,000 tokens of Llama 3 70B over two machines, which multiply it in less."""
    fields = {"model__hidden": 8_192, "replicas": 1, "tensor": 16, "prompt": 64_000, "context": 65_000}
    fit = assess_fit(*stack("lab"), service(**fields, concurrent=1))
    exchange = fit.measure("exchange.ttft").value or 0
    assert exchange == pytest.approx(2 * 80 * 64_000 * 8_192 * 2 / 400e9)
    assert (fit.measure("ttft").low or 0) >= exchange


def test_without_a_compute_fabric_the_reason_says_so(tmp_path: Path):
    fit = _published("the same where nothing joins the machines", tmp_path)
    check = next(check for check in fit.checks if check.label == "tensor parallelism")
    assert check.verdict.value == "does not fit"
    assert "no compute fabric joins" in check.text
    assert fit.advice == ()


def test_a_group_of_128_lies_in_two_racks_of_72_with_half_of_its_pods_in_each(tmp_path: Path):
    work = serving(KIMI | {"heads": 128, "kv_heads": 128}, "fp8", {"tensor": 128}, MLA)
    entry = Published("", "", NVL72, 36, work, fabric=RACKS)
    factory, plan = entry.fleet(tmp_path)
    fit = assess_fit(factory, plan, work)
    verdicts = {check.label: check.verdict.value for check in fit.checks}
    assert verdicts["tensor parallelism"] == verdicts["domains for tensor parallelism"] == "fits"
    [group] = manifests(factory, plan, work, "registry.example.com/ai/serve@sha256:" + "a" * 64)
    template = group["spec"]["leaderWorkerTemplate"]
    assert template["size"] == 32
    annotations = template["workerTemplate"]["metadata"]["annotations"]
    assert annotations["kueue.x-k8s.io/podset-slice-size"] == "16"
    assert annotations["kueue.x-k8s.io/podset-slice-required-topology"] == KEYS.nvlink_domain
    fewer = Published("", "", NVL72, 35, work, fabric=RACKS)
    assert assess_fit(*fewer.fleet(tmp_path), work).verdict.value == "fits"
    short = Published("", "", NVL72, 33, work, fabric=RACKS)
    labels = {check.label: check.verdict.value for check in assess_fit(*short.fleet(tmp_path), work).checks}
    assert labels["servers of the pool"] == "fits"
    assert labels["domains for tensor parallelism"] == "does not fit"
