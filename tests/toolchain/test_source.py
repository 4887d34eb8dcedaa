from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from sovereign_ai.toolchain.path_search import search
from sovereign_ai.toolchain.source import (
    GoModule,
    _copy,
    _need_c,
    _wrap,
    fetch,
    fetching_environment,
    go_environment,
)
from sovereign_ai.toolchain.steps import WayClosedError
from sovereign_ai.toolchain.table import KIND_TOOLS, TOOLS, Source

_GO_MOD = """module k8s.io/kubernetes

replace (
\tk8s.io/api => ./staging/src/k8s.io/api
\tk8s.io/kubectl => ./staging/src/k8s.io/kubectl
\texample.invalid/elsewhere => example.invalid/fork v1.0.0
)
"""


def fake_go(folder: Path, answer: str, code: int = 0) -> Path:
    path = folder / "go"
    settings = '{"GOSUMDB": "database.invalid"}'
    path.write_text(
        f"#!/bin/sh\n[ $1 = env ] && echo '{settings}' && exit\ncat <<'E'\n{answer}\nE\nexit {code}\n"
    )
    path.chmod(0o755)
    return path


@pytest.fixture
def go() -> Path:
    """Give a Go that is there."""
    found = search(TOOLS["go"])
    if found is None:
        pytest.skip("no Go on PATH to ask")
    return found.path


def told(go: Path, env: dict[str, str], *names: str) -> list[str]:
    """Give what Go itself holds for its settings in an environment."""
    return subprocess.run(
        [go, "env", *names], env=env, capture_output=True, text=True, check=True
    ).stdout.splitlines()


def source(name: str) -> Source:
    found = TOOLS[name].source
    assert found is not None
    return found


def test_the_wrapper_answers_each_replace_by_a_folder_with_the_staging_version(tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text(_GO_MOD)
    _wrap(source("kube-scheduler"), GoModule(tmp_path, tmp_path / "go.mod", ""), tmp_path / "wrapper")
    lines = (tmp_path / "wrapper" / "go.mod").read_text().splitlines()
    assert "require k8s.io/kubernetes v1.37.2" in lines
    assert "replace k8s.io/api => k8s.io/api v0.37.2" in lines
    assert "replace k8s.io/kubectl => k8s.io/kubectl v0.37.2" in lines
    assert not any("elsewhere" in line for line in lines)
    assert (
        'import _ "k8s.io/kubernetes/cmd/kube-scheduler"' in (tmp_path / "wrapper" / "tools.go").read_text()
    )


def test_a_source_tree_with_another_hash_is_refused(tmp_path: Path) -> None:
    go = fake_go(tmp_path, '{"Dir": "/d", "GoMod": "/m", "Sum": "h1:other="}')
    with pytest.raises(WayClosedError, match=r"h1:other=.*refused"):
        fetch(go, source("etcd"), what="etcd", progress=print, log=tmp_path / "log")


def test_the_proxys_own_words_reach_the_user(tmp_path: Path) -> None:
    go = fake_go(tmp_path, '{"Error": "module is not served\\nhere"}', code=1)
    with pytest.raises(WayClosedError, match="module is not served here"):
        fetch(go, source("etcd"), what="etcd", progress=print, log=tmp_path / "log")


def test_no_setting_of_the_users_can_switch_the_checksums_off(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("GOSUMDB", "off"),
        ("GONOSUMDB", "*"),
        ("GOINSECURE", "*"),
        ("GOFLAGS", "-insecure"),
        ("GOTOOLCHAIN", "auto"),
        ("CGO_ENABLED", "1"),
    ):
        monkeypatch.setenv(name, value)
    env = go_environment()
    assert "GOSUMDB" not in env
    assert (env["GONOSUMDB"], env["GOINSECURE"], env["GOTOOLCHAIN"], env["CGO_ENABLED"]) == (
        "none",
        "none",
        "local",
        "0",
    )
    assert env["GOFLAGS"] == "-buildvcs=false -trimpath"


VARIABLES = """GCCGO GO111MODULE GOARCH GOAUTH GOBIN GOCACHE GOCACHEPROG GODEBUG GOENV GOFLAGS GOINSECURE
    GONOSUMDB GOMODCACHE GOOS GOPATH GOPRIVATE GOPROXY GOROOT GOSUMDB GOTMPDIR GOTOOLCHAIN GOVCS GOWORK
    CGO_CFLAGS
    CGO_CFLAGS_ALLOW CGO_CFLAGS_DISALLOW CGO_CPPFLAGS CGO_CXXFLAGS CGO_ENABLED CGO_FFLAGS CGO_LDFLAGS GO386
    GOAMD64 GOARM GOARM64 GOMIPS GOMIPS64 GOPPC64 GORISCV64 GOWASM GOCOVERDIR GCCGOTOOLDIR GOEXPERIMENT
    GOFIPS140 GO_EXTLINK_ENABLED GOEXE GOGCCFLAGS GOTELEMETRY GOTELEMETRYDIR GOTOOLDIR GONOPROXY GO_LATER"""
"""Every variable of `go help environment` (Go 1.26.6), and one of a later Go."""
WHENCE = "GOAUTH GOCACHE GOMODCACHE GONOPROXY GOPATH GOPRIVATE GOPROXY GOSUMDB GOTMPDIR GOVCS"
"""Where modules come from and where Go keeps its files."""


def test_no_variable_of_the_users_changes_what_is_built_or_what_builds_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in (*VARIABLES.split(), "HTTPS_PROXY"):
        monkeypatch.setenv(name, "/theirs")
    for cgo in (False, True):
        env = go_environment(cgo=cgo)
        assert {name for name, value in env.items() if value == "/theirs"} == {*WHENCE.split(), "HTTPS_PROXY"}


def test_nothing_that_was_set_by_go_env_switches_the_checksums_off_or_builds_for_another_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, go: Path
) -> None:
    monkeypatch.delenv("GOSUMDB", raising=False)
    ordinary = told(go, {**go_environment(), "GOENV": "off"}, "GOSUMDB", "GOOS", "GOEXPERIMENT")
    file = tmp_path / "env"
    file.write_text(
        "GOSUMDB=off\nGONOSUMDB=*\nGOINSECURE=*\nGOOS=plan9\nGOEXPERIMENT=boringcrypto\nGOFLAGS=-insecure\nGOTOOLCHAIN=auto\n"
    )
    monkeypatch.setenv("GOENV", str(file))
    for setting in (None, "off", " off "):
        if setting is not None:
            monkeypatch.setenv("GOSUMDB", setting)
        env = fetching_environment(go)
        assert told(go, env, "GOSUMDB", "GOOS", "GOEXPERIMENT") == ordinary
        assert told(go, env, "GONOSUMDB", "GOINSECURE", "GOTOOLCHAIN") == ["none", "none", "local"]


def test_a_mirror_and_a_database_that_were_set_by_go_env_are_asked_and_a_variable_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, go: Path
) -> None:
    for name in ("GOPROXY", "GOSUMDB", "GONOPROXY", "GOMODCACHE"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "env"
    file.write_text(
        f"GOPROXY=https://mirror.invalid\nGOSUMDB=database.invalid\nGOPRIVATE=own.invalid\nGOMODCACHE={tmp_path}/modules\n"
    )
    monkeypatch.setenv("GOENV", str(file))
    names = ("GOPROXY", "GOSUMDB", "GONOPROXY", "GONOSUMDB", "GOMODCACHE")
    set_by_file = ["https://mirror.invalid", "database.invalid", "own.invalid", "none", f"{tmp_path}/modules"]
    assert told(go, fetching_environment(go), *names) == set_by_file
    monkeypatch.setenv("GOPROXY", "https://other.invalid")
    assert told(go, fetching_environment(go), *names) == ["https://other.invalid", *set_by_file[1:]]


def test_a_go_without_a_checksum_database_of_its_own_is_refused_until_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOSUMDB", raising=False)
    bare = tmp_path / "go"
    bare.write_text('#!/bin/sh\necho "{\\"GOSUMDB\\": \\"${GOSUMDB:-off}\\"}"\n')
    bare.chmod(0o755)
    with pytest.raises(WayClosedError, match="without a checksum database: set GOSUMDB"):
        fetching_environment(bare)
    monkeypatch.setenv("GOSUMDB", "database.invalid")
    assert fetching_environment(bare)["GOSUMDB"] == "database.invalid"


def test_a_go_that_does_not_say_what_is_set_closes_the_way_with_its_own_words(tmp_path: Path) -> None:
    broken = tmp_path / "go"
    broken.write_text("#!/bin/sh\necho 'go: no such thing' >&2; exit 2\n")
    broken.chmod(0o755)
    with pytest.raises(WayClosedError, match="go env: exit 2: go: no such thing"):
        fetching_environment(broken)
    with pytest.raises(WayClosedError, match="does not start"):
        fetching_environment(tmp_path / "none")


def test_a_read_only_module_is_copied_so_that_files_can_be_made_in_it(tmp_path: Path) -> None:
    module = tmp_path / "module"
    (module / "cmd").mkdir(parents=True)
    (module / "cmd" / "main.go").write_text("package main\n")
    (module / "cmd" / "main.go").chmod(0o444)
    (module / "cmd").chmod(0o555)
    _copy(
        fake_go(tmp_path, ""),
        source("pulumi-resource-kubernetes"),
        GoModule(module, module / "go.mod", ""),
        tmp_path / "copy",
    )
    (tmp_path / "copy" / "cmd" / "made.json").write_text("{}")
    (tmp_path / "copy" / "cmd" / "main.go").write_text("package main // changed\n")
    (module / "cmd").chmod(0o755)


def test_a_program_of_our_own_takes_the_place_of_the_modules_and_later_modules_are_required(
    tmp_path: Path,
) -> None:
    row = KIND_TOOLS["coredns"].source
    assert row is not None
    (tmp_path / "go.mod").write_text("module github.com/coredns/coredns\n")
    _wrap(row, GoModule(tmp_path, tmp_path / "go.mod", ""), tmp_path / "wrapper")
    assert not (tmp_path / "wrapper" / "tools.go").exists()
    main = (tmp_path / "wrapper" / "main.go").read_text()
    assert "coremain.Run()" in main
    assert '_ "github.com/coredns/coredns/plugin/kubernetes"' in main
    assert "require k8s.io/client-go v0.37.2" in (tmp_path / "wrapper" / "go.mod").read_text().splitlines()


def test_c_is_used_only_where_a_row_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (go_environment()["CGO_ENABLED"], go_environment(cgo=True)["CGO_ENABLED"]) == ("0", "1")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(WayClosedError, match="missing are Debian's gcc pkg-config"):
        _need_c("runc", ("libseccomp",))
