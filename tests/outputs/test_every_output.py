"""Every output of every design is one that its reader takes, and each reader's rules can refuse."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest

from sovereign_ai.errors import SpecError
from sovereign_ai.render.kubernetes import Bundle, render
from tests.outputs.designs import design, design_names
from tests.outputs.documents import DOCUMENT_JUDGES, document_faults, written_documents
from tests.outputs.judging import JUDGES, Written, faults, written
from tests.outputs.plan_files import kubernetes

# One of each: no spines, split ports, two planes, InfiniBand, a rack-scale domain, one switch, long names.
SAMPLE = (
    "published nvidia-era-scaling: 2-4-3-200 of 1 SU",
    "published nvidia-hgx-era-800: 1 SU",
    "published amd-mi3xx: single switch of 32 GPUs",
    "published oracle-racks: two racks",
    "published trees-of-several-kinds: eight machines on one switch",
    "preset nvidia-superpod-gb200",
    "edge longest names",
)
ALL = (*design_names(large=False), *design_names(large=True))
WALKED = [*SAMPLE, *(pytest.param(name, marks=pytest.mark.loads) for name in ALL if name not in SAMPLE)]


def test_every_design_that_outputs_are_judged_on_can_be_planned() -> None:
    # The walk over all of them takes an hour, and would tell of a new refusal long after it was made.
    refused = {}
    for name in design_names(large=False):
        try:
            design.__wrapped__(name)
        except SpecError as error:
            refused[name] = str(error)
    assert refused == {}


@cache
def output(name: str) -> Written:
    return written(*design(name))


@pytest.mark.parametrize("name", WALKED)
def test_every_file_of_a_design_is_one_that_its_reader_takes(name: str) -> None:
    # Some are a hundred megabytes, so they are not kept.
    files = output(name) if name in SAMPLE else written(*design(name))
    assert list(faults(files)) == []


@pytest.mark.parametrize("name", [SAMPLE[0], *(pytest.param(name, marks=pytest.mark.loads) for name in ALL)])
def test_every_object_of_a_design_is_one_that_an_api_server_takes(name: str) -> None:
    factory, plan = design(name)
    for cluster in plan.clusters:
        bundle: Bundle = render(factory, plan, cluster.name)
        assert list(kubernetes(bundle.objects)) == []
        first, *rest = bundle.objects
        assert list(kubernetes([first, *bundle.objects]))
        assert rest


SPOKEN = "edge names of many letters"
"""Its operator's name has letters that CSV, XML, YAML, Go's templates and spreadsheets give a meaning."""


@cache
def written_beside(name: str) -> dict[str, str]:
    return written_documents(*design(name))


OTHERS = [name for name in design_names(large=False) if name != SPOKEN]


@pytest.mark.parametrize("name", [SPOKEN, *(pytest.param(name, marks=pytest.mark.loads) for name in OTHERS)])
def test_every_document_of_a_design_is_one_that_its_reader_takes(name: str) -> None:
    files = written_beside(name) if name == SPOKEN else written_documents(*design(name))
    assert list(document_faults(files)) == []


def test_every_judge_of_documents_has_one_and_a_new_document_is_a_fault() -> None:
    files = written_beside(SPOKEN)
    for pattern, _ in DOCUMENT_JUDGES:
        assert any(pattern.fullmatch(path) for path in files), pattern.pattern
    told = list(document_faults({**files, "new/format.txt": "text"}))
    assert [fault for fault in told if fault.startswith("new/format.txt: 0 judges")]


DAMAGED_DOCUMENTS = [
    (r"check\.sarif", r'"level": "error"', '"level": "fatal"', "fatal"),
    (r"check\.xml", r'tests="\d+"', 'tests="1"', "tests is 1"),
    (r"oscal/assessment.*", r'"uuid": "[0-9a-f]{8}', '"uuid": "0', "uuid 0"),
    (r"focus\.csv", r",EUR,", ",,", "BillingCurrency is empty"),
    (r"focus\.csv", r"^\d+\.\d+", "many", "no decimal"),
    (r"focus\.csv", r"Grosste", "=Grosste", "=Grosste"),
    (r"argocd/argocd\.yaml", r"sourceRepos", "sourceRepo", "sourceRepo"),
    (r"argocd/lab/kustomization\.yaml", r"^- \S+", "- absent.yaml", "absent"),
    (r"flux/flux-lab\.yaml", r"prune: true", "prune: 'yes'", "prune"),
    (r"flux/flux-lab\.yaml", r"name: lab-namespaces", f"name: lab-{'x' * 63}", "longer than a label"),
    (r"helm/lab/Chart\.yaml", r"version: \S+", "version: v1", "version v1"),
    (r"helm/lab/values\.schema\.json", r'"object"', '"thing"', "thing"),
]


@pytest.mark.parametrize(("path", "old", "new", "expected"), DAMAGED_DOCUMENTS)
def test_a_damaged_document_is_refused(path: str, old: str, new: str, expected: str) -> None:
    files = written_beside(SPOKEN)
    (name,) = [name for name in files if re.fullmatch(path, name)]
    damaged = re.sub(old, new, files[name], count=1, flags=re.MULTILINE)
    assert damaged != files[name]
    told = list(document_faults({**files, name: damaged}))
    assert any(re.search(expected, fault) for fault in told), told[:5]


def test_every_judge_has_a_file_of_the_sample_or_of_a_design_that_is_walked() -> None:
    paths = [path for name in SAMPLE for path in output(name).files]
    for pattern, _ in JUDGES:
        assert any(pattern.fullmatch(path) for path in paths), pattern.pattern


def test_a_file_of_a_new_writer_is_a_fault_until_its_readers_rules_are_added() -> None:
    whole = output(SAMPLE[0])
    more = replace(whole, files={**whole.files, "new/format.txt": "text"})
    assert [fault for fault in faults(more) if fault.startswith("new/format.txt: 0 judges")]


def _first_word(old: str, new: str) -> Callable[[str], str]:
    """Return a change of the first place that matches."""

    def change(text: str) -> str:
        return re.sub(old, new, text, count=1, flags=re.MULTILINE)

    return change


ROCE, SUBNET, DOMAIN = SAMPLE[1], SAMPLE[3], SAMPLE[5]
DAMAGE = [
    (ROCE, r".*/config_db\.json", r'"speed": "[0-9]+"', '"speed": "2000000"', "speed"),
    (ROCE, r".*/config_db\.json", r'"lanes": "0,1,2,3"', '"lanes": "4,5,6,7"', "lane 4 is of 2"),
    (
        ROCE,
        r".*/sonic-frr\.conf",
        r"neighbor Ethernet\d+ interface",
        "neighbor swp1 interface",
        "no interface",
    ),
    (
        ROCE,
        r".*/switches/[^/]+/frr\.conf",
        r"route-map \S+ in",
        "route-map ABSENT in",
        "ABSENT is not stated",
    ),
    (ROCE, r".*/ports\.json", r'"interface": "swp1s0"', '"interface": "swp1s1"', "is of 2 ports"),
    (ROCE, r".*/nvue\.yaml", r"vlan: \d+", "vlan: 5000", "no VLAN 5000"),
    (ROCE, r".*\.clab\.yml", r"kind: linux", "kind: lynux", "its name or kind"),
    (ROCE, r".*\.clab\.yml", r'endpoints: \["([^"]+)"', r'endpoints: ["\1", "\1"', "two ends"),
    (ROCE, r".*/topograph\.yaml", r"^  switch: \S+", "  switch: nowhere", "unknown switch"),
    (ROCE, r".*/kea-dhcp4\.json", r'"ip-address": "[\d.]+"', '"ip-address": "1.2.3.4"', "is not in"),
    (ROCE, r"slurm/.*/nodes\.conf", r"NodeName=(\S+)", r"NodeName=\1,more", "addresses for"),
    (ROCE, r"slurm/.*/gres\.conf", r"Count=\d+", "Count=3", "other"),
    (ROCE, r"slurm/.*/topology\.conf", r"Nodes=\S+", "Nodes=absent", "not placed once"),
    (ROCE, r"slurm/.*/topology\.yaml", r"cluster_default: true", "cluster_default: false", "not one default"),
    (ROCE, r"slurm/.*/slinky-values\.yaml", r"^nodesets:", "nodeset:", "no field nodeset"),
    (ROCE, r"monitoring/.*/rules\.yaml", r"record: \S+", "record: a-b", "its name"),
    (ROCE, r"monitoring/.*/prometheus\.yaml", r"job_name: \S+", "job_name: gpus", "is there"),
    (ROCE, r"monitoring/.*/rules_test\.json", r'"rules\.yaml"', '"other.yaml"', "no rule file"),
    (ROCE, r"monitoring/.*/targets/nodes\.json", r'"rack"', '"a-rack"', "label a-rack"),
    (ROCE, r"monitoring/.*/dashboards/.*", r'"x": 0', '"x": 23', "leaves the grid"),
    (ROCE, r"infragraph/infrastructure\.json", r'"count": 4', '"count": 3', "beyond its device"),
    (ROCE, r"racks/.*\.svg", r'<rect x="\d+" y="\d+"', '<rect x="1" y="-1"', "a shape"),
    (ROCE, r"bare-metal/.*", r"bootMode: \S+", "bootMode: Other", "bootMode|Other"),
    (ROCE, r"bare-metal/.*", r"^  name: \S+", "  name: Capital", "its name"),
    (ROCE, r"netbox/6-devices\.csv", r"^pool0-002", "pool0-001", "is there twice"),
    (ROCE, r"netbox/6-devices\.csv", r",1\.0,", ",42.0,", "of a rack of"),
    (ROCE, r"netbox/7-interfaces\.csv", r"^pool0-001,", "pool0-absent,", "is not in 6-devices"),
    (ROCE, r"netbox/8-cables\.csv", r",(\d+\.\d\d),m", r",\g<1>1,m", "too many decimals"),
    (ROCE, r"netbox/10-prefixes\.csv", r"(\d+)/(\d\d),", r"\g<1>/8,", "no network|in no prefix"),
    (ROCE, r"aicr/.*-criteria\.yaml", r"intent: \S+", "intent: dreaming", "dreaming"),
    (ROCE, r"pxe/boot\.ipxe", r"^#!ipxe", "#!sh", "no script"),
    (SUBNET, r".*/partitions\.conf", r"0x[0-9a-f]{16}, ", "", "planned in"),
    (SUBNET, r".*/partitions\.conf", r"^(?!#|Default).*$", r"\g<0>" + " " * 9_000, "has \\d+ characters"),
    (SUBNET, r".*/opensm\.conf", r"^routing_engine", "routing_motor", "no setting"),
    (SUBNET, r".*/topology\.topo", r"^(\s+)P1 ->", r"\1P999 ->", "no port of its type"),
    (DOMAIN, r"slurm/.*/topology\.yaml", r"block_sizes:\n\s+- \d+", "block_sizes: [1]", "more than 1"),
]


@pytest.mark.parametrize(("name", "path", "old", "new", "expected"), DAMAGE)
def test_a_damaged_file_is_refused(name: str, path: str, old: str, new: str, expected: str) -> None:
    whole = output(name)
    matching = [
        file
        for file, text in whole.files.items()
        if re.fullmatch(path, file) and _first_word(old, new)(text) != text
    ]
    assert matching, "no file to damage"
    damaged = _first_word(old, new)(whole.files[matching[0]])
    folder = matching[0].rpartition("/")[0] + "/"
    told = list(faults(replace(whole, files={**whole.files, matching[0]: damaged}), folder))
    assert any(re.search(expected, fault) for fault in told), told[:5]
