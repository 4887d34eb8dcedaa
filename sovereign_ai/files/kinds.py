"""Every sort of file, and of text from another computer, that is read, with its limit.

A kind states how large such an input may be and what to do if it cannot be read. Whoever reads a new sort of
input adds its kind here. `tests/hostile` walks this table and fails if a kind has no hostile cases.
"""

from __future__ import annotations

from sovereign_ai.errors import BadFileError, EnvironmentLacksError, SovereignError, SpecError, UsageError
from sovereign_ai.frozen_dataclass import frozen_dataclass

_KIB, _MIB = 1 << 10, 1 << 20


@frozen_dataclass
class FileKind:
    """One sort of input.

    Attributes:
        name: its name in the table.
        noun: its name in a message, with an article.
        most_bytes: the limit on its size.
        hint: what to do if it is missing or something else.
        error: the error of its content.
        missing: the error of a file that cannot be opened; None for `error`.
        code: the problem code of a file that cannot be opened.
        others: the problem code of a file that others can read; empty where they may.
        private: whether it holds secrets by its nature: nothing of it is shown, and it is not searched for
            secrets.
        remote: whether it comes over a connection or from a program, and is never a file.
        follows: whether a link in its place is followed; not for files that this program alone writes.
    """

    name: str
    noun: str
    most_bytes: int
    hint: str
    error: type[SovereignError] = SpecError
    missing: type[SovereignError] | None = None
    code: str = "no-file"
    others: str = ""
    private: bool = False
    remote: bool = False
    follows: bool = True

    @property
    def most(self) -> str:
        """The limit in words, such as `1 MiB`."""
        if self.most_bytes >= _MIB:
            return f"{self.most_bytes // _MIB} MiB"
        return f"{self.most_bytes // _KIB} KiB"


DESCRIPTION = FileKind("description", "a description", _MIB, "give counts instead of lists of machines")
CATALOG = FileKind(
    "catalog",
    "a file of hardware",
    _MIB,
    "name a file of YAML or JSON beside the description; 'sovereign-ai catalog new' writes one",
)
FIGURES = FileKind("figures", "a file of figures", _MIB, "name a file that maps names to numbers")
WORKLOAD = FileKind(
    "workload", "a file of a job or service", _MIB, "name a file of YAML or JSON that starts with kind:"
)
MANIFESTS = FileKind(
    "manifests",
    "a file of Kubernetes objects",
    4 * _MIB,
    "name a file of YAML as `helm template` or `kustomize build` writes it",
)
ANSWERS = FileKind("answers", "an evidence.yaml", _MIB, "name an evidence.yaml, or a folder")
FAULTS = FileKind(
    "faults", "a file of faults", 16 * _MIB, "name a CSV that `sovereign-ai repair inject --output` wrote"
)
POLICIES = FileKind(
    "policies", "a file of repair policies", _MIB, "name a file of YAML or JSON that starts with groups:"
)
SERIES = FileKind(
    "series", "a file of hours", _MIB, "name a text file with a number a line, or a CSV of kilowatts"
)
GIVEN = FileKind("given", "a hosts.yaml", _MIB, "name a file that can be read")
ENDPOINTS = FileKind(
    "endpoints",
    "an endpoints file",
    _MIB,
    "name a file of YAML with ca:, username:, password_file: and endpoints: (docs/inventory.md)",
)
PASSWORD = FileKind(
    "password",
    "a password file",
    4 * _KIB,
    "write the password into it, mode 0600",
    code="no-password",
    others="open-password",
    private=True,
)
AUTHORITIES = FileKind(
    "authorities",
    "a file of certificates",
    4 * _MIB,
    "name the certificates that signed the controllers'",
    code="no-ca",
)
NETBOX = FileKind("netbox", "a table of NetBox", 32 * _MIB, "export the table again, as CSV", code="no-table")
TOPOLOGY = FileKind(
    "topology",
    "a file of Slurm, Topograph or containerlab",
    16 * _MIB,
    "name topology.conf, topology.yaml, nodes.conf, gres.conf, topograph.yaml or NAME.clab.yml",
)
DELIVERED = FileKind(
    "delivered",
    "a table of delivered ports",
    64 * _MIB,
    "write a CSV with the head `machine,mac` or `machine,port,guid`",
    UsageError,
    code="no-table",
)
NEIGHBOURS = FileKind(
    "neighbours", "what lldpctl printed", _MIB, "lldpctl -f json0 show neighbors > NODE.json", UsageError
)
SUBNET = FileKind(
    "subnet",
    "what ibnetdiscover printed",
    256 * _MIB,
    "ibnetdiscover > SUBNET.txt",
    UsageError,
    code="no-subnet",
)
RESULTS = FileKind(
    "results", "a result file", 8 * _MIB, "name result files or folders", UsageError, code="no-result"
)
OBSERVATION = FileKind(
    "observation",
    "what `verify --json` printed",
    16 * _MIB,
    "sovereign-ai verify STACK --json > verdict.json",
    UsageError,
)
USAGE = FileKind(
    "usage",
    "what `jobs usage --json` printed",
    16 * _MIB,
    "sovereign-ai jobs usage STACK --json > usage.json",
    UsageError,
)
COVERED = FileKind(
    "covered", "a file that evidence covers", 64 * _MIB, "name a file that can be read", UsageError
)
ENVELOPE = FileKind(
    "envelope",
    "signed evidence",
    16 * _MIB,
    "name the file that `evidence sign` or `access` wrote",
    UsageError,
)
# A line for each run of a factory over its whole life.
CHAIN = FileKind(
    "chain", "the chain of all runs", 1 << 30, "name the log that `evidence sign` writes", UsageError
)
TORN = FileKind(
    "torn", "a line that was cut off", 16 * _MIB, "ask the operator for the file as it was", UsageError
)
APPROVAL = FileKind(
    "approval", "an approval of break-glass access", 64 * _KIB, "name what `access approve` wrote", UsageError
)
HEAD = FileKind(
    "head",
    "the head of a log",
    4 * _KIB,
    "name a place in which `--witness` keeps the head of the log",
    UsageError,
)
PRIVATE_KEY = FileKind(
    "private-key",
    "a private key",
    16 * _KIB,
    "openssl genpkey -algorithm ed25519 -out KEY && chmod 600 KEY",
    UsageError,
    EnvironmentLacksError,
    "no-key",
    "open-key-file",
    private=True,
)
PUBLIC_KEY = FileKind(
    "public-key",
    "a public key",
    16 * _KIB,
    "openssl pkey -pubout, from the private key",
    UsageError,
    code="no-key",
)
AUTHORITY = FileKind(
    "authority",
    "certificates of a time stamp authority",
    _MIB,
    "name the certificate in PEM that the authority publishes, or the one that issued it",
    UsageError,
    code="no-certificate",
)
KUBECONFIG = FileKind(
    "kubeconfig",
    "a kubeconfig",
    4 * _MIB,
    "give a kubeconfig that kubectl accepts",
    BadFileError,
    EnvironmentLacksError,
    "kubeconfig-missing",
    private=True,
)
CERTIFICATE = FileKind(
    "certificate",
    "a file that a kubeconfig names",
    _MIB,
    "give a kubeconfig that kubectl accepts",
    BadFileError,
    private=True,
)
SIGNATURE = FileKind(
    "signature",
    "a signature of an image",
    256 * _KIB,
    "keep what cosign wrote: a bundle in NAME.json, or NAME.payload and NAME.sig",
)
DEFINITIONS = FileKind(
    "definitions",
    "custom resource definitions",
    4 * _MIB,
    "fix the file, or take it out of the folder",
    BadFileError,
)
SETTINGS = FileKind(
    "settings",
    "a stack's Pulumi settings",
    256 * _KIB,
    "`pulumi config` shows what they hold",
    UsageError,
    private=True,
)
PROJECT = FileKind(
    "project",
    "a Pulumi.yaml",
    256 * _KIB,
    "write `name: NAME` and `runtime: python` into it",
    code="no-project",
    private=True,
)
PROGRAM = FileKind(
    "program",
    "a stack's program",
    _MIB,
    "`sovereign-ai init` writes one",
    private=True,
)
PIN = FileKind(
    "pin",
    "a file that holds a PIN",
    4 * _KIB,
    "write the PIN into it, with mode 0600, or name another by --pin-file",
    BadFileError,
    EnvironmentLacksError,
    "pin-file-missing",
    "open-pin-file",
    private=True,
)
STATE_KEY = FileKind(
    "state-key",
    "the key file of the state",
    64 * _KIB,
    "put the key back from where it is kept; a new one opens no state that was written before",
    EnvironmentLacksError,
    code="no-key-file",
    others="open-key-file",
    private=True,
)
BMC_ACCOUNT = FileKind(
    "bmc-account",
    "a file of user:password",
    4 * _KIB,
    "write user:password into it, mode 0600",
    UsageError,
    code="no-password",
    others="open-password",
    private=True,
)
NETBOX_TOKEN = FileKind(
    "netbox-token",
    "a file that holds a token of NetBox",
    4 * _KIB,
    "write the token into its first line, mode 0600",
    UsageError,
    code="no-token",
    others="open-token",
    private=True,
)
STATE = FileKind(
    "state",
    "a file of the state folder",
    16 * _MIB,
    "run the command again where nothing runs",
    EnvironmentLacksError,
    private=True,
    follows=False,
)
# Pulumi writes about 3 KiB an object.
CHECKPOINT = FileKind(
    "checkpoint",
    "the state of a stack",
    1 << 30,
    "`sovereign-ai state check STACK` reports what is there",
    EnvironmentLacksError,
    private=True,
    follows=False,
)
INVENTORY = FileKind(
    "inventory",
    "an inventory that was kept",
    256 * _MIB,
    "run `sovereign-ai hosts preview STACK`, or your own program, which writes it",
    EnvironmentLacksError,
    private=True,
    follows=False,
)
CLUSTER = FileKind(
    "cluster",
    "a file of a local control plane",
    16 * _MIB,
    "put it back from a copy, or begin anew: `sovereign-ai cluster down`, then `cluster up`",
    EnvironmentLacksError,
    private=True,
    follows=False,
)
RUN = FileKind(
    "run",
    "a file of a run's working copy",
    256 * _MIB,
    "run the command again where nothing runs",
    EnvironmentLacksError,
    private=True,
    follows=False,
)
# The largest programs have some 200 MiB.
TOOL = FileKind(
    "tool",
    "a file of a tool",
    1 << 30,
    "remove it, and run `sovereign-ai tools install`",
    EnvironmentLacksError,
    private=True,
)
CACHED = FileKind(
    "cached",
    "a file of the cache",
    64 * _MIB,
    "remove it; it is made anew",
    EnvironmentLacksError,
    private=True,
)
LISTING = FileKind(
    "listing",
    "the list of an earlier run's files",
    64 * _MIB,
    "name another folder, or remove the list",
    UsageError,
)

REDFISH = FileKind(
    "redfish", "a controller's answer", 4 * _MIB, "look at the controller itself", UsageError, remote=True
)
HOST_EVENTS = FileKind(
    "host-events", "what Ansible says of a host", _MIB, "look at the host itself", UsageError, remote=True
)
NETBOX_ANSWER = FileKind(
    "netbox-answer",
    "an answer of NetBox's API",
    32 * _MIB,
    "look at NetBox itself, and whether --url is its address",
    EnvironmentLacksError,
    remote=True,
)
PROMETHEUS_ANSWER = FileKind(
    "prometheus-answer",
    "an answer of Prometheus",
    16 * _MIB,
    "look at its log",
    EnvironmentLacksError,
    private=True,
    remote=True,
)
REVIEW = FileKind(
    "review", "a question of the API server", _MIB, "ask as the API server does", UsageError, remote=True
)

# Collected from the module, so that no kind can be left out of the table.
KINDS: tuple[FileKind, ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, FileKind)
)
"""The whole table."""
