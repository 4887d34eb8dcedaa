from __future__ import annotations

import re
from importlib.metadata import version

import pytest

from sovereign_ai.errors import UsageError
from sovereign_ai.toolchain.table import KIND_NODE, KIND_TOOLS, TOOLS, Tool, parse_version, table_digest, tool

ALL = {**TOOLS, **KIND_TOOLS}
ROWS = pytest.mark.parametrize("row", ALL.values(), ids=list(ALL))


@ROWS
def test_a_row_accepts_its_own_version_and_no_other_release_line(row: Tool) -> None:
    assert row.accepts(row.version)
    assert row.accepts(f"v{row.version}-dispatcher")
    assert not row.accepts(".".join(map(str, row.below)))
    assert not row.accepts("0.0.1")
    assert not row.accepts("")


@ROWS
def test_every_tool_has_a_way_or_is_the_projects_own(row: Tool) -> None:
    assert row.releases or row.wheel or row.source or row.kind == "host"
    assert row.releases or row.no_release, "a missing release must be explained"
    assert row.purpose
    assert row.licence
    assert row.supplier


@ROWS
def test_everything_that_is_fetched_is_pinned_by_a_digest(row: Tool) -> None:
    for one in row.releases:
        assert one.url.startswith("https://")
        assert re.fullmatch(r"[0-9a-f]{64}", one.sha256)
    for digest in row.wheel.sha256 if row.wheel else ():
        assert re.fullmatch(r"[0-9a-f]{64}", digest)
    if row.source:
        assert re.fullmatch(r"h1:[A-Za-z0-9+/]{43}=", row.source.h1)
        assert re.fullmatch(r"v\d+\.\d+\.\d+(-\d+\.?\d*-?[0-9a-f]*)?", row.source.version)


def test_rows_of_one_module_agree_on_its_version_and_hash() -> None:
    seen: dict[str, tuple[str, str]] = {}
    for row in ALL.values():
        if row.source:
            assert seen.setdefault(row.source.module, (row.source.version, row.source.h1)) == (
                row.source.version,
                row.source.h1,
            )


def test_recipes_differ_between_tools_and_not_between_runs() -> None:
    assert len({row.recipe for row in ALL.values()}) == len(TOOLS) + len(KIND_TOOLS)
    assert tool("etcd").recipe == tool("etcd").recipe
    assert re.fullmatch(r"[0-9a-f]{12}", table_digest())


def test_pulumis_rows_equal_the_installed_python_packages() -> None:
    assert tool("pulumi").version == version("pulumi")
    assert tool("pulumi-resource-kubernetes").version == version("pulumi-kubernetes")


def test_an_unknown_tool_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match="kube-scheduler"):
        tool("kube-schedular")


def test_a_version_is_read_from_its_leading_numbers() -> None:
    assert parse_version("v1.37.2-rc.1") == (1, 37, 2)
    assert parse_version("devel") == ()


def test_what_goes_into_the_node_image_is_built_here_and_belongs_to_the_kind_plane() -> None:
    for row in ALL.values():
        assert (row.group == "kind") is (row.name in KIND_TOOLS)
        assert not row.in_image or (row.source is not None and row.group == "kind")


def test_the_published_node_image_is_pinned_by_digest_and_of_our_release_line() -> None:
    assert re.fullmatch(r"kindest/node:v1\.37\.\d+@sha256:[0-9a-f]{64}", KIND_NODE)
    assert tool("kubeadm").version.startswith("1.37.")
