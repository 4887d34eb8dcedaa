"""The readers that no command calls by itself, each as a command calls it."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from sovereign_ai.cli.command import run_command
from sovereign_ai.cli.output import Output

if TYPE_CHECKING:
    from sovereign_ai.cluster.state import ClusterDir
    from sovereign_ai.plan import Plan


def spoken(read: Callable[[], object]) -> None:
    """Read, and print what comes of it as a command does."""

    def work(output: Output) -> None:
        found = read()
        output.finish({"found": repr(found)[:2_000]}, [f"ok: {str(found)[:2_000]}"])

    run_command("read", as_json=False, work=work)


def given(file: Path) -> object:
    """Read what a site's operator says, and write the inventory that follows."""
    from sovereign_ai.plan.factory import plan
    from sovereign_ai.render.hosts.hosts import inventory
    from sovereign_ai.render.hosts.site_facts import read_site_facts
    from sovereign_ai.spec.reader import load

    factory = load(Path(__file__).with_name("small.yaml"))
    return len(inventory(factory, plan(factory), read_site_facts(file)).hosts)


def kubeconfig(file: Path) -> object:
    """Open a kubeconfig; nothing is sent."""
    from sovereign_ai.cluster.api.client import open_cluster

    return open_cluster(file).server


def credentials(file: Path) -> object:
    """Describe whose kubeconfig it is."""
    from sovereign_ai.cluster.api.credentials import describe_credentials

    return describe_credentials(file)


def definitions(file: Path) -> object:
    """Read custom resource definitions."""
    from sovereign_ai.cluster.crds import _definitions

    return len(_definitions(file.parent))


def settings(file: Path) -> object:
    """Read which kubeconfig a stack's settings name."""
    from sovereign_ai.deploy.state.target import kubeconfig_in_settings

    return kubeconfig_in_settings(file)


def project(file: Path) -> object:
    """Read a project's name."""
    from sovereign_ai.deploy.state.files import project_of

    return project_of(file.parent)


def stock_program() -> str:
    """Return the program of a new stack."""
    from sovereign_ai.deploy.stack_folder import contents

    return contents("small")["__main__.py"]


def program(file: Path) -> object:
    """Read what a stack's program loads."""
    from sovereign_ai.deploy.changes import loaded_by

    return loaded_by(file.parent)


def pin(file: Path) -> object:
    """Read a PIN, and print its length alone."""
    from sovereign_ai.cluster.keys.pkcs11 import read_pin

    return len(read_pin(file))


def state_key() -> object:
    """Read the state's key file."""
    from sovereign_ai.deploy.state.pulumi_environment import key_file

    return key_file().name


def bmc_account(file: Path) -> object:
    """Read the account of the machines' controllers."""
    from sovereign_ai.render.hosts.bmc_files import check_account

    check_account(file)
    return "an account"


def _small_plan() -> tuple[Plan, str]:
    """Return the plan of the small description, and the name of its cluster."""
    from sovereign_ai.plan.factory import plan
    from sovereign_ai.spec.reader import load

    planned = plan(load(Path(__file__).with_name("small.yaml")))
    return planned, planned.clusters[0].name


def policies(file: Path) -> object:
    """Read policies of repair, and count the machines that have one."""
    from sovereign_ai.operate.repair.policies import read_policies

    return repr(read_policies(file, *_small_plan()))


def drawn_faults() -> str:
    """Return a file of faults, as a seed draws them over many years."""
    from sovereign_ai.assess.fault_series import draw, to_text

    return to_text(draw(*_small_plan(), seed=1, days=3_000))


def faults(file: Path) -> object:
    """Read a file of faults."""
    from sovereign_ai.assess.fault_series import parse_series
    from sovereign_ai.files import FAULTS, decode, read

    text = decode(read(file, FAULTS), str(file), FAULTS)
    return len(parse_series(text, str(file), *_small_plan()))


def netbox_token(file: Path) -> object:
    """Read a token of NetBox, and print its length alone."""
    from sovereign_ai.operate.netbox import read_token

    return len(read_token(file, {}))


def cluster_record(file: Path) -> object:
    """Read what is recorded of a cluster."""
    from sovereign_ai.cluster.state import recorded_ports

    return recorded_ports(SimpleNamespace(record=file))  # type: ignore[arg-type]


def _plane(file: Path) -> ClusterDir:
    """Return the local control plane in whose folder, or in whose folder of keys, a file lies."""
    from sovereign_ai.cluster.state import ClusterDir

    folder = file.parent if file.name in {"supervisor.lock", "guard-record.json"} else file.parents[1]
    return ClusterDir(folder.name, folder)


def cluster_authority(file: Path) -> object:
    """Read the authority of a local control plane, certificate and key."""
    from sovereign_ai.cluster.pki import authority

    return authority(file.parent, "cluster-ca").certificate.serial_number > 0


def cluster_identity(file: Path) -> object:
    """Write a kubeconfig of a local control plane's files."""
    from sovereign_ai.cluster.identities import kubeconfig

    return len(kubeconfig(_plane(file), "admin", "https://127.0.0.1:6443"))


def cluster_probe(file: Path) -> object:
    """Ask a listener that is not there, with the certificates of a control plane."""
    from sovereign_ai.cluster.process import ProcessProbe, is_well

    names = [str(file.with_name(name)) for name in ("cluster-ca.crt", "admin.crt", "admin.key")]
    return is_well(ProcessProbe(1, "/readyz", *names))


def cluster_issue(file: Path) -> object:
    """Look whether a certificate is still good, and write a new one where it is not."""
    from sovereign_ai.cluster.pki import Leaf, authority, issue

    issue(authority(file.parent, "cluster-ca"), file.parent, Leaf("admin", "admin", client=True))
    return "issued"


def supervisor(file: Path) -> object:
    """Read which process supervises a control plane."""
    from sovereign_ai.cluster.embedded.process_status import supervisor_pid

    return supervisor_pid(_plane(file)) is not None


def guard_record(file: Path) -> object:
    """Read the record of the guard of a control plane, and whether its file differs from it."""
    from sovereign_ai.cluster.guard_record import damaged_record, is_in_force, is_readable, read_record

    plane = _plane(file)
    found = (read_record(plane), damaged_record(plane), is_in_force(plane, b"{}"), is_readable(plane))
    return [part if isinstance(part, bool) else part is not None for part in found]


def cluster_log(file: Path) -> object:
    """Read the last lines of a log, and whether a port was taken."""
    from sovereign_ai.cluster.start_errors import is_port_taken, last_lines

    return last_lines(file), is_port_taken({"log": str(file)})


def removed_clusters(file: Path) -> object:
    """Read which control planes were removed."""
    from sovereign_ai.cluster.removed_clusters import _lines

    return len(_lines(file))


def cached_definitions(file: Path) -> object:
    """Read definitions that were parsed before."""
    from sovereign_ai.cluster.crds import _read_cache

    return _read_cache(file) is not None


def sdk_package(file: Path) -> object:
    """Read which provider an SDK of Pulumi requires."""
    from sovereign_ai.deploy.language_host.packages import _read

    return _read(file)


def refusal(file: Path) -> object:
    """Read why the program of a run refused."""
    from sovereign_ai.deploy.refusal import read_refusal

    return read_refusal(file.parent) is not None


def judged(file: Path) -> object:
    """Compare the note of a command with what a program deploys."""
    from sovereign_ai.deploy.components.judged import require_same_description

    factory = SimpleNamespace(name="lab", digest="abc")
    bundle = SimpleNamespace(cluster="lab")
    require_same_description(f"file://{file.parent}", factory, bundle)  # type: ignore[arg-type]
    return "the same"


def partial_run(file: Path) -> object:
    """Read which objects a program registers."""
    from sovereign_ai.deploy.engine.partial_run import registered

    found = registered(f"file://{file.parent}", SimpleNamespace(digest="abc"))  # type: ignore[arg-type]
    return found is not None


def twin_pid(file: Path) -> object:
    """Read the number of a twin's daemon."""
    from sovereign_ai.fabric_twin.twin import _pid_in

    return _pid_in(file)


def tool_digest(file: Path) -> object:
    """Compare a tool with the digest that was recorded."""
    from sovereign_ai.toolchain.digests import verified_digest

    return verified_digest(file, file.with_name("record.json"), next_step="install it again")


def go_binary(file: Path) -> object:
    """Read of what a tool was built."""
    from sovereign_ai.toolchain.build_info import read_build_info

    return len(read_build_info(file).modules)


def journal(file: Path) -> object:
    """Read which hosts are done."""
    from sovereign_ai.deploy.hosts.journal import Journal

    return len(Journal(file, "abc").done())


def grants(file: Path) -> object:
    """Read the grants of break-glass access."""
    from sovereign_ai.operate.records import read_records

    there, broken = read_records(SimpleNamespace(folder=file.parents[1]))  # type: ignore[arg-type]
    return [one.grant.id for one in there], broken


def custody(file: Path) -> object:
    """Read which keys a plane has."""
    from sovereign_ai.cluster.keys.custody import read_custody

    return read_custody(SimpleNamespace(config=file.parent, name="plane")).owner  # type: ignore[arg-type]


def inventory(digest: str) -> object:
    """Read an inventory that was kept."""
    from sovereign_ai.deploy.hosts.provider.inventories import load_inventory

    return len(load_inventory(digest).hosts)


def subnet(file: Path) -> object:
    """Read what `ibnetdiscover` printed, as `fabric check` does."""
    from sovereign_ai.assess.observed.subnet_discovery import ibnetdiscover
    from sovereign_ai.files.decoding import decode
    from sovereign_ai.files.kinds import SUBNET
    from sovereign_ai.files.reading import read

    return len(ibnetdiscover(decode(read(file, SUBNET), str(file), SUBNET), str(file)).nodes)


def head(file: Path) -> object:
    """Read what a witness knows of a log."""
    from sovereign_ai.attest.witness import Witness

    return Witness(str(file.parent)).read(file.with_suffix(""))


def told_head(file: Path) -> object:
    """Hear what the program of a witness prints of a log."""
    from sovereign_ai.attest.witness import Witness

    return Witness(f"exec:sh -c 'cat {file}'").read(file)


def host_events(file: Path) -> object:
    """Hear the events of a run of Ansible; a line that is no event is what ansible-runner drops."""
    from sovereign_ai.deploy.hosts.events import HostEvents

    heard = HostEvents(("train-001", "train-002", "train-003"), check=True)
    try:
        events = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        events = []
    for event in events if isinstance(events, list) else [events]:
        if isinstance(event, dict):
            heard.take_event(event)
    return [heard.result(name).to_data() for name in ("train-001", "train-002", "train-003")]


def review(folder: Path, file: Path) -> object:
    """Answer a question of the API server.

    Raises:
        UsageError: the operator's service takes it for none.
    """
    from sovereign_ai.errors import Problem, UsageError
    from sovereign_ai.operate.server import _Handler

    raw = file.read_bytes()
    answers: list[tuple[int, bytes]] = []
    lines: list[str] = []
    handler = object.__new__(_Handler)
    handler.headers = {"Content-Length": str(len(raw))}  # type: ignore[assignment]
    handler.rfile = io.BytesIO(raw)  # type: ignore[assignment]
    cluster_dir = SimpleNamespace(folder=folder)
    handler.server = SimpleNamespace(
        cluster_dir=cluster_dir, clock=lambda: datetime(2026, 11, 24, tzinfo=UTC), say=lines.append
    )  # type: ignore[assignment]
    handler.may = lambda _path: True  # type: ignore[method-assign]
    handler.send = lambda status, body, _kind: answers.append((status, body))  # type: ignore[method-assign]
    handler.do_POST()
    ((status, body),) = answers
    if status != 200:
        raise UsageError(Problem("no-review", body.decode()))
    return lines


def alerts(folder: Path, file: Path) -> object:
    """Read what Prometheus answers about alerts."""
    from sovereign_ai.cluster.embedded import alerts
    from sovereign_ai.files import PROMETHEUS_ANSWER

    raw = file.read_bytes()[: PROMETHEUS_ANSWER.most_bytes + 1]
    alerts.monitors = lambda _cluster_dir: (alerts.PROMETHEUS,)
    alerts._get = lambda _cluster_dir, _path: (200, raw)
    cluster_dir: Any = SimpleNamespace(folder=folder, name="lab")
    return [alert.to_data() for alert in alerts.active_alerts(cluster_dir)]


def with_controllers(command: tuple[str, ...], answer: Path | None) -> None:
    """Run a command while every controller answers a request with a file's content, or refuses."""
    import requests.adapters

    from sovereign_ai.cli.main import run

    def send(_self: object, request: Any, **_named: object) -> Any:
        response = requests.Response()
        response.request, response.url = request, request.url
        response.status_code = 404 if answer is None else 200
        response.headers["Content-Type"] = "application/json"
        response.raw = io.BytesIO(b"" if answer is None else answer.read_bytes())
        return response

    requests.adapters.HTTPAdapter.send = send  # type: ignore[method-assign,assignment]
    sys.argv = ["sovereign-ai", *command]
    run()


def with_netbox(command: tuple[str, ...], answer: Path) -> None:
    """Run a command while a NetBox lists the content of a file as its devices, and nothing else."""
    from sovereign_ai.cli.main import run
    from sovereign_ai.operate.netbox.connection import NetBoxConnection, _Reply
    from sovereign_ai.operate.netbox.held import CONTENT_TYPES, MARK

    mark = {"id": 1, "name": MARK, "type": {"value": "text"}, "object_types": [*CONTENT_TYPES.values()]}
    answers: dict[str, object] = {"status": {"netbox-version": "4.7.3"}}
    answers["custom-fields"] = {"count": 1, "results": [mark]}

    def exchange(_self: object, _method: str, path: str, *_: object) -> _Reply:
        kind = path.partition("?")[0].strip("/").rpartition("/")[2]
        if kind == "devices":
            return _Reply(200, {}, answer.read_bytes())
        return _Reply(200, {}, json.dumps(answers.get(kind, {"count": 0, "results": []})).encode())

    NetBoxConnection._exchange = exchange  # type: ignore[method-assign]
    sys.argv = ["sovereign-ai", *command]
    run()
