"""A small engine for tests without a cluster: Pulumi's command line and its file backend, and nothing behind
them.

It keeps to what matters of the real one: `stack init` puts a salt into the stack's folder and an empty
checkpoint into the backend; `up`, `preview` and `destroy` say their events as JSON lines, end in order at a
SIGINT, and write the checkpoint at the end, beside its place and then renamed. What a test wants beyond that
it says in files beside the program:

    pause      while it is there, `up` and `destroy` wait after their first step
    waits      while it is there, `preview` does
    objects    how many objects `up` brings about
    ignores    SIGINT is ignored
    slow       the salt is read some time after the start, and some time passes after it
    fails      `up`, `preview` and `destroy` say what it holds, and end with 255
    child      a process of its own is started, as a provider is, which sleeps and has the same environment
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

_PROGRAM = r"""#!{python} -IS
import datetime, json, os, signal, subprocess, sys, time
here = os.path.dirname(os.path.abspath(__file__))
backend = os.environ["PULUMI_BACKEND_URL"].removeprefix("file://")
project = open("Pulumi.yaml").read().split("name: ")[1].split()[0]
asked = []
signal.signal(signal.SIGINT, signal.SIG_IGN if os.path.exists(f"{{here}}/ignores") else lambda *_: asked.append(1))


def beside(name):
    return os.path.exists(os.path.join(here, name))


def file(stack):
    return f"{{backend}}/.pulumi/stacks/{{project}}/{{stack}}.json"


def write(stack, names, salt):
    urn = f"urn:pulumi:{{stack}}::{{project}}::"
    root = {{"urn": urn + f"pulumi:pulumi:Stack::{{project}}-{{stack}}", "type": "pulumi:pulumi:Stack"}}
    items = [{{"urn": urn + f"kubernetes:core/v1:ConfigMap::{{name}}", "type": "kubernetes:core/v1:ConfigMap", "parent": root["urn"]}} for name in names]
    latest = {{
        "manifest": {{"time": datetime.datetime.now(datetime.timezone.utc).isoformat(), "version": "v3.259.0"}},
        "secrets_providers": {{"type": "passphrase", "state": {{"salt": salt}}}},
        "resources": [root, *items] if names else [],
    }}
    os.makedirs(os.path.dirname(file(stack)), exist_ok=True)
    try:
        with open(file(stack) + ".tmp", "w") as opened:
            json.dump({{"version": 3, "checkpoint": {{"stack": f"organization/{{project}}/{{stack}}", "latest": latest}}}}, opened)
        os.replace(file(stack) + ".tmp", file(stack))
    except OSError as error:
        sys.exit(f"error: writing snapshot: write {{file(stack)}}: {{os.strerror(error.errno).lower()}}")


def names(stack):
    resources = json.load(open(file(stack)))["checkpoint"]["latest"].get("resources", [])
    return [item["urn"].rsplit("::", 1)[1] for item in resources if item["type"].startswith("kubernetes:")]


def salt_in(stack):
    given = [word.partition("=")[2] for word in sys.argv if word.startswith("--config-file=")]
    return open(given[0] if given else f"Pulumi.{{stack}}.yaml").read().split("encryptionsalt: ")[1].split()[0]


def say(event):
    print(json.dumps(event), flush=True)


def run(verb, stack):
    time.sleep(0.2 if beside("slow") else 0)
    held = json.load(open(file(stack)))["checkpoint"]["latest"]["secrets_providers"]["state"]["salt"]
    if held != salt_in(stack):
        sys.exit("error: incorrect passphrase")
    if beside("child"):
        subprocess.Popen(["sleep", "600"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wanted = int(open(f"{{here}}/objects").read()) if beside("objects") else 3
    before = names(stack)
    goal = [f"object-{{number}}" for number in range(wanted)] if verb != "destroy" else []
    steps = [("create", name) for name in goal if name not in before] + [("delete", name) for name in before if name not in goal]
    say({{"preludeEvent": {{}}}})
    time.sleep(0.2 if beside("slow") else 0)
    if beside("fails"):
        print(open(f"{{here}}/fails").read())
        sys.exit(255)
    done = list(before)
    for op, name in steps:
        if asked:
            break
        done = done + [name] if op == "create" else [item for item in done if item != name]
        metadata = {{"op": op, "type": "kubernetes:core/v1:ConfigMap", "urn": f"urn:pulumi:{{stack}}::{{project}}::t::{{name}}"}}
        say({{"resOutputsEvent": {{"metadata": metadata}}}})
        while beside("waits" if verb == "preview" else "pause") and not asked:
            time.sleep(0.01)
    if verb != "preview":
        write(stack, done, held)
    sys.exit(255 if asked else 0)


arguments = [word for word in sys.argv[1:] if not word.startswith("--")]
if arguments[:2] == ["stack", "init"]:
    settings = f"Pulumi.{{arguments[2]}}.yaml"
    if not os.path.exists(settings):
        open(settings, "w").write(f"encryptionsalt: v1:{{os.urandom(8).hex()}}:v1:check\n")
    write(arguments[2], [], salt_in(arguments[2]))
elif arguments[0] in ("up", "preview", "destroy"):
    run(arguments[0], arguments[1])
else:
    sys.exit(f"the small engine does not know {{arguments}}")
"""  # noqa: E501 - one literal text


def write_engine(folder: Path) -> Path:
    """Write the program into a folder of its own, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "pulumi"
    program.write_text(_PROGRAM.format(python=sys.executable), encoding="utf-8")
    program.chmod(0o700)
    return program


def write_project(folder: Path, name: str = "lab") -> Path:
    """Write a Pulumi project that the small engine runs, and return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Pulumi.yaml").write_text(f"name: {name}\nruntime: python\n", encoding="utf-8")
    return folder


def checkpoint(
    objects: int,
    *,
    time: str = "2026-01-01T00:00:00Z",
    project: str = "lab",
    stack: str = "lab",
    salt: str = "v1:a:v1:b",
    kubeconfig: str = "",
    **more: Any,
) -> bytes:
    """Return a checkpoint with a number of objects, as the engine would have written it.

    Args:
        objects: how many.
        time: when it was made.
        project: the project's name.
        stack: the stack's name.
        salt: salt of the key that encrypts secrets.
        kubeconfig: by which the objects were deployed, in its context `lab`; empty for none.
        more: further fields of the deployment.
    """
    urn = f"urn:pulumi:{stack}::{project}::"
    root = f"{urn}pulumi:pulumi:Stack::{project}-{stack}"
    kind = "kubernetes:core/v1:ConfigMap"
    resources = [{"urn": root, "type": "pulumi:pulumi:Stack"}] if objects else []
    resources += [
        {"urn": f"{urn}{kind}::object-{number}", "type": kind, "parent": root} for number in range(objects)
    ]
    if kubeconfig:
        provider = {"kubeconfig": kubeconfig, "context": "lab"}
        resources.append(
            {
                "urn": f"{urn}pulumi:providers:kubernetes::cluster",
                "type": "pulumi:providers:kubernetes",
                "inputs": provider,
            }
        )
    latest = {
        "manifest": {"time": time, "version": "v3.259.0"},
        "secrets_providers": {"type": "passphrase", "state": {"salt": salt}},
        "resources": resources,
        **more,
    }
    return json.dumps(
        {"version": 3, "checkpoint": {"stack": f"organization/{project}/{stack}", "latest": latest}}
    ).encode()


COMMAND = """
import sys
from pathlib import Path
import typer
from sovereign_ai.cli.command import run_command
from sovereign_ai.deploy.engine import runs as engine

program, folder, verb = map(Path, sys.argv[1:4])
engine.find = lambda _name: program
engine.engine_variables = lambda *_: {}
try:
    run_command(str(verb), False, lambda output: getattr(engine.Engine(folder, "lab", None, output.progress), str(verb))())
except typer.Exit as left:
    sys.exit(left.exit_code)
"""  # noqa: E501 - one literal text
"""A command of ours on the small engine, in a process of its own: program, folder and verb are its
arguments."""


def command(program: Path, folder: Path, verb: str) -> list[str]:
    """Return the command line that runs a verb on the small engine, as `sovereign-ai` would."""
    return [sys.executable, "-c", COMMAND, str(program), str(folder), verb]
