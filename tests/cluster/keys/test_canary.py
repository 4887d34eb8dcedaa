"""A canary in every place where a secret can enter, and a look at every place where one could come out.

The whole life of a stack on a plane with keys, by the command line: plan, deploy, verify, report, crash. Then
everything written, said, stored and shown is searched for each canary, in clear and in the usual dresses. The
files whose business it is to hold a secret (key file, PIN file, kubeconfigs, private keys) are named, and no
others.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import pytest
import yaml

from sovereign_ai.cluster.api.client import Api, ApiError
from sovereign_ai.cluster.keys.custody import ModuleLocation, custody_file
from sovereign_ai.cluster.state import ClusterDir
from tests.life import Lab

pytestmark = pytest.mark.cluster
HOLDERS = re.compile(r"clusters/lab/(kubeconfig$|pki/|identities/|config/[a-z]+\.kubeconfig$)")
"""Below the state folder: what must hold private keys."""
PROGRAM = """
import pulumi
from pulumi_kubernetes.core.v1 import Secret

Secret("canary", metadata={"name": "from-config", "namespace": "research"}, string_data={"word": pulumi.Config().require_secret("canary")})
"""  # noqa: E501 - one literal text


def dresses(secret: str) -> list[bytes]:
    """Give a secret as it might be written: in clear, base64 at each offset, hexadecimal, quoted."""
    plain = secret.encode()
    encoded = [
        base64.b64encode(b"x" * offset + plain)[4 * (offset > 0) :].rstrip(b"=")[:-2] for offset in range(3)
    ]
    return [plain, *encoded, plain.hex().encode(), quote(secret).encode()]


@dataclass
class Search:
    """What is looked for, and where it was found."""

    canaries: dict[str, list[bytes]] = field(default_factory=dict)
    found: set[tuple[str, str]] = field(default_factory=set)

    def plant(self, name: str, value: str | None = None) -> str:
        """Make a canary, or take one that is there, and look for it from now on."""
        value = value or f"Canary-{name}-{secrets.token_hex(12)}"
        self.canaries[name] = dresses(value)
        return value

    def look(self, where: str, data: bytes) -> None:
        """Look through some bytes."""
        self.found |= {
            (name, where)
            for name, forms in list(self.canaries.items())
            if any(form in data for form in forms)
        }


class Processes(threading.Thread):
    """Looks at the arguments and environment of every process, all the time."""

    def __init__(self, search: Search) -> None:
        super().__init__(daemon=True)
        self._search, self._ended = search, threading.Event()

    def run(self) -> None:
        while not self._ended.wait(0.05):
            for process in Path("/proc").glob("[0-9]*"):
                for part in ("cmdline", "environ"):
                    try:
                        data = (process / part).read_bytes()
                    except OSError:
                        continue
                    self._search.look(f"{part} of {process.name}", data)

    def end(self) -> None:
        self._ended.set()
        self.join()


@dataclass(frozen=True)
class Life:
    """One life of a stack, over."""

    lab: Lab
    search: Search
    folder: Path


def say(life: Life, *arguments: str, text: str = "") -> subprocess.CompletedProcess[bytes]:
    """Run a command and look through what it says."""
    command = [sys.executable, "-m", "sovereign_ai.cli", *arguments]
    done = subprocess.run(
        command, env=life.lab.env, cwd=life.folder, capture_output=True, input=text.encode(), check=False
    )
    life.search.look(f"output of {' '.join(arguments[:2])}", done.stdout + done.stderr)
    assert done.stdout + done.stderr, arguments
    return done


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory, module: ModuleLocation) -> Iterator[Life]:
    folder = tmp_path_factory.mktemp("cn")
    lab, search = Lab(folder), Search()
    key_file = folder / "elsewhere.key"
    key_file.touch(mode=0o600)
    key_file.write_text(search.plant("key-file") + "\n")
    lab.env["SOVEREIGN_AI_KEY_FILE"] = str(key_file)
    search.plant("pin", module.pin_file.read_text().strip())
    watcher = Processes(search)
    watcher.start()
    made = Life(lab, search, folder)
    try:
        live(made, module)
        yield made
    finally:
        watcher.end()
        lab.end()


def live(life: Life, module: ModuleLocation) -> None:
    """Plant the canaries, and do with the stack whatever one does."""
    stack = str(life.lab.stack)
    told = ["--module", str(module.library), "--token", module.token, "--pin-file", str(module.pin_file)]
    told += [f"--env={name}={path}" for name, path in module.environment.items()]
    assert say(life, "keys", "init", stack, *told).returncode == 0
    user = yaml.safe_load(life.lab.kubeconfig.read_text())["users"][0]["user"]
    pem = base64.b64decode(user["client-key-data"]).decode()
    life.search.plant("client-key", pem.splitlines()[1])
    life.search.canaries["client-key"].append(user["client-key-data"][60:120].encode())
    assert say(life, "up", stack).returncode == 0
    enter_by_pulumi(life)
    enter_by_the_api(life)
    enter_by_the_description(life)
    for arguments in (
        ("plan", stack, "--why", "--output", str(life.folder / "plan.json")),
        ("render", stack, "-o", str(life.folder / "objects")),
        ("check", stack, "--format", "sarif"),
        ("verify", stack, "--json"),
        ("audit", stack, "--json"),
        ("report", stack, "-o", str(life.folder / "report.html")),
        ("keys", "status", stack, "--json"),
        ("keys", "rotate", stack, "high"),
        ("keys", "reencrypt", stack),
        ("keys", "revoke", stack, "high"),
        ("keys", "restore", stack, "high"),
        ("cluster", "status", "lab"),
    ):
        say(life, *arguments)
    crash(life, module)


def enter_by_pulumi(life: Life) -> None:
    """A secret of Pulumi's configuration, which the program makes a Secret of."""
    value = life.search.plant("pulumi-config")
    env = life.lab.env | life.lab.on_plane("env")["environment"]
    command = ["pulumi", "config", "set", "canary", "--secret", "--non-interactive"]
    subprocess.run(
        command, input=value.encode(), env=env, cwd=life.lab.stack, capture_output=True, check=True
    )
    with (life.lab.stack / "__main__.py").open("a") as program:
        program.write(PROGRAM)
    assert say(life, "up", str(life.lab.stack)).returncode == 0
    found = life.lab.api.get("v1", "Secret", "from-config", "research")
    assert found is not None
    assert base64.b64decode(found["data"]["word"]).decode() == value, "the canary must have entered"


def enter_by_the_api(life: Life) -> None:
    """A Secret, and one that the API server refuses and speaks of."""
    metadata = {
        "name": "from-api",
        "namespace": "startups",
        "annotations": {"example.com/copy": life.search.plant("annotation")},
    }
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "stringData": {"word": life.search.plant("secret")},
    }
    life.lab.api.create(secret)
    with pytest.raises(ApiError) as caught:
        life.lab.api.create({**secret, "type": "kubernetes.io/tls"})
    life.search.look("refusal of a Secret", str(caught.value).encode())


def enter_by_the_description(life: Life) -> None:
    """Values in the description that are secrets by their field or their form."""
    bad = life.folder / "bad"
    bad.mkdir()
    text = (life.lab.stack / "factory.yaml").read_text()
    text = text.replace(
        "  exit_plan: documented", f"  exit_plan: documented\n  password: {life.search.plant('field')}"
    )
    address = f"https://robot:{life.search.plant('address')}@registry.example.com/ai"
    (bad / "factory.yaml").write_text(text.replace("registry.example.com/ai", address))
    for command in ("validate", "plan", "check"):
        for more in ((), ("--json",)):
            assert say(life, command, str(bad), *more).returncode == 2


def crash(life: Life, module: ModuleLocation) -> None:
    """Kill what holds secrets, log in wrongly, and meet a defect after the PIN was read."""
    place = ClusterDir("lab", life.lab.kubeconfig.parent)
    for one in life.lab.cluster("status")["components"]:
        if one["name"] in {"keys", "secret-gate", "kube-apiserver"}:
            os.kill(one["pid"], signal.SIGABRT)
    wrong = life.folder / "wrong-pin"
    wrong.touch(mode=0o600)
    wrong.write_text(life.search.plant("wrong-pin"))
    good = custody_file(place).read_bytes()
    data = orjson.loads(good)
    try:
        custody_file(place).write_bytes(
            orjson.dumps(data | {"module": data["module"] | {"pin_file": str(wrong)}})
        )
        refused = say(life, "keys", "status", str(life.lab.stack))
        assert (refused.returncode, b"pkcs11-refused" in refused.stderr) == (3, True)
        custody_file(place).write_bytes(orjson.dumps(data | {"levels": {"research": 5, "startups": "low"}}))
        # A folder of its own: others on the machine may clear traces out of the shared one.
        life.lab.env["TMPDIR"] = str(life.folder)
        defect = say(life, "keys", "status", str(life.lab.stack))
        del life.lab.env["TMPDIR"]
        assert b"[defect]" in defect.stderr
        named = re.search(rf"{re.escape(str(life.folder))}/sovereign-ai-\S+?\.trace".encode(), defect.stderr)
        assert named is not None
        trace = Path(named.group().decode())
        life.search.look("crash text", trace.read_bytes())
        trace.unlink()
    finally:
        custody_file(place).write_bytes(good)
    deadline = time.monotonic() + 90
    while say(life, "cluster", "status", "lab").returncode:
        assert time.monotonic() < deadline, "the plane does not come back"
        time.sleep(0.5)


def files(life: Life) -> Iterator[Path]:
    """Everything that the life has written, but for the files whose business it is to hold a secret."""
    planted = {life.folder / name for name in ("elsewhere.key", "wrong-pin", "bad/factory.yaml")}
    for path in life.folder.rglob("*"):
        if path.is_file() and path not in planted and not HOLDERS.search(str(path)):
            yield path


def objects(api: Api) -> Iterator[dict[str, Any]]:
    """Everything that the API shows, events and annotations too.

    Of a Secret, all but its data and the annotation planted there.
    """
    for kind in api.kinds():
        if "list" in kind.verbs:
            for one in api.list(kind.api_version, kind.kind):
                shown = {
                    key: value
                    for key, value in one.items()
                    if kind.kind != "Secret" or key not in {"data", "stringData"}
                }
                if kind.kind == "Secret":
                    shown = shown | {"metadata": {**shown["metadata"], "annotations": {}}}
                yield shown


def test_the_search_finds_what_is_there(life: Life) -> None:
    """A search that could find nothing would prove nothing: the holders hold, and a dressed canary is
    seen.
    """
    search = Search(dict(life.search.canaries))
    search.look("key file", (life.folder / "elsewhere.key").read_bytes())
    search.look("kubeconfig", life.lab.kubeconfig.read_bytes())
    secret = life.lab.api.get("v1", "Secret", "from-config", "research")
    search.look("the API's own answer", orjson.dumps(secret))
    assert {name for name, _ in search.found} == {"key-file", "client-key", "pulumi-config"}
    for offset in range(3):
        dressed = Search()
        value = dressed.plant("dressed")
        dressed.look("base64", base64.b64encode(b"abc"[:offset] + value.encode() + b"tail"))
        assert dressed.found == {("dressed", "base64")}
    watched = Search()
    watcher = Processes(watched)
    watcher.start()
    command = [sys.executable, "-S", "-c", "import time; time.sleep(30)", watched.plant("argument")]
    process = subprocess.Popen(command, env={"CANARY": watched.plant("environment")})
    time.sleep(2)
    process.kill()
    process.wait()
    watcher.end()
    assert {
        ("argument", f"cmdline of {process.pid}"),
        ("environment", f"environ of {process.pid}"),
    } <= watched.found


def test_no_canary_is_in_anything_written(life: Life) -> None:
    seen = 0
    for path in files(life):
        life.search.look(str(path.relative_to(life.folder)), path.read_bytes())
        seen += 1
    names = {str(path.relative_to(life.folder)) for path in files(life)}
    for part in (
        "state/sovereign-ai/pulumi/",
        "logs/kube-apiserver.log",
        "logs/keys.log",
        "audit/audit.log",
        "etcd/member/snap/db",
        "report.html",
    ):
        assert any(part in name for name in names), f"{part} was not searched"
    assert seen > 50
    assert life.search.found == set()


def test_no_canary_is_in_what_the_api_shows(life: Life) -> None:
    kinds = set()
    for one in objects(life.lab.api):
        kinds.add(one["kind"])
        life.search.look(f"{one['kind']}/{one['metadata'].get('name')}", orjson.dumps(one))
    assert {"Event", "ConfigMap", "Secret", "Node"} <= kinds
    assert life.search.found == set()


def test_no_canary_was_said_or_stood_in_an_argument_or_environment(life: Life) -> None:
    assert {
        "key-file",
        "pin",
        "client-key",
        "pulumi-config",
        "secret",
        "annotation",
        "field",
        "address",
        "wrong-pin",
    } == set(life.search.canaries)
    assert life.search.found == set()
