"""Valid inputs that only the program itself can make, such as signed evidence.

Made once, in a folder that is removed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.verify.redfish.racks import certificates

_ROOT = Path(__file__).resolve().parents[2]
_SAMPLES = _ROOT / "tests" / "assess" / "acceptance" / "samples"


@dataclass(frozen=True)
class Kit:
    """Valid inputs.

    Attributes:
        evidence: names of files to their content: a key pair, signed evidence and the log.
        authority: a certificate in PEM.
        listing: what `render` leaves in its folder as the list of its files.
        folder_list: the name of the list that `fabric render` leaves.
        folder_listing: what it holds.
    """

    evidence: dict[str, bytes]
    authority: bytes
    listing: bytes
    folder_list: str
    folder_listing: bytes

    @property
    def authority_base64(self) -> str:
        """The certificate, as a kubeconfig holds it."""
        return base64.b64encode(self.authority).decode()

    @cached_property
    def image_signature(self) -> dict[str, str]:
        """Signatures of an image: the signer's key in PEM, a bundle, and a payload with its signature."""
        key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        kind = "application/vnd.in-toto+json"
        statement = json.dumps(
            {
                "_type": "https://in-toto.io/Statement/v1",
                "subject": [{"digest": {"sha256": "0" * 64}}],
                "predicateType": "https://sigstore.dev/cosign/sign/v1",
            }
        )
        image = {"docker-manifest-digest": f"sha256:{'0' * 64}"}
        critical = {"image": image, "type": "cosign container image signature"}
        payload = json.dumps({"critical": critical})
        signed = f"DSSEv1 {len(kind)} {kind} {len(statement)} {statement}".encode()
        envelope = {
            "payload": base64.b64encode(statement.encode()).decode(),
            "payloadType": kind,
            "signatures": [{"sig": base64.b64encode(key.sign(signed)).decode()}],
        }
        bundle = {
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {"publicKey": {"hint": "0"}},
            "dsseEnvelope": envelope,
        }
        return {
            "cosign.pub": public.decode(),
            "one.json": json.dumps(bundle),
            "two.payload": payload,
            "two.sig": base64.b64encode(key.sign(payload.encode())).decode(),
        }

    @property
    def fio(self) -> str:
        """What fio printed of a machine."""
        return (_SAMPLES / "fio-machine.json").read_text(encoding="utf-8")

    @property
    def dcgm(self) -> str:
        """What DCGM printed of a machine."""
        return (_SAMPLES / "dcgm4-pass.json").read_text(encoding="utf-8")

    @property
    def grant(self) -> dict[str, Any]:
        """A grant of break-glass access."""
        return {
            "id": "1f2e3d4c",
            "factory": "small",
            "cluster": "small-1",
            "person": "on-call",
            "approver": "security-lead",
            "reason": "a job hangs",
            "seat": "DE",
            "namespace": "research",
            "level": "look",
            "begins": "2026-11-24T12:00:00+00:00",
            "ends": "2026-11-24T14:00:00+00:00",
        }

    @cached_property
    def inventory(self) -> tuple[bytes, str]:
        """An inventory of one host, and its digest."""
        from sovereign_ai.render.hosts.inventory_groups import Host, HostInventory

        whole = HostInventory(
            (Host("train-001", "unit-1", ("hosts",), {"ansible_host": "10.64.0.7"}),),
            {"account": "sovereign"},
        )
        host = {
            "name": "train-001",
            "unit": "unit-1",
            "groups": ["hosts"],
            "variables": {"ansible_host": "10.64.0.7"},
        }
        return json.dumps({"hosts": [host], "shared": {"account": "sovereign"}}).encode(), whole.digest

    def aside(self, log: Path) -> Path:
        """Write beside a log what an earlier run set aside after its last line."""
        line = log.read_bytes().splitlines()[-1]
        torn = b'{"n": 1'
        head = json.loads(line)["hash"][:8]
        path = log.with_name(f"{log.name}.torn-2-{head}-{hashlib.sha256(torn).hexdigest()[:8]}")
        path.write_bytes(torn)
        return path


@cache
def kit() -> Kit:
    """Make everything once."""
    with tempfile.TemporaryDirectory(prefix="hostile-kit-") as name:
        folder = Path(name)
        key = Ed25519PrivateKey.generate()
        private = folder / "key.pem"
        private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        private.chmod(0o600)
        (folder / "public.pem").write_bytes(
            key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        )
        stack = folder / "stack"
        stack.mkdir()
        (stack / "factory.yaml").write_bytes((_ROOT / "tests" / "hostile" / "small.yaml").read_bytes())
        _run(
            folder,
            "evidence",
            "sign",
            "stack",
            "--key",
            "key.pem",
            "--log",
            "log.jsonl",
            "--output",
            "evidence.json",
        )
        _run(folder, "render", "stack", "--output", "objects")
        _run(folder, "fabric", "render", "stack", "--output", "fabric")
        certificates(folder)
        (listing,) = [path for path in (folder / "fabric").iterdir() if path.name.startswith(".")]
        return Kit(
            {
                name: (folder / name).read_bytes()
                for name in ("key.pem", "public.pem", "evidence.json", "log.jsonl")
            },
            (folder / "bmc.pem").read_bytes(),
            (folder / "objects" / "kustomization.yaml").read_bytes(),
            listing.name,
            listing.read_bytes(),
        )


def _run(folder: Path, *command: str) -> None:
    """Run a command of the program with a state folder of its own."""
    environment = {**os.environ, "XDG_STATE_HOME": str(folder / "state"), "PYTHONPATH": str(_ROOT)}
    subprocess.run(
        [sys.executable, "-m", "sovereign_ai.cli", *command],
        cwd=folder,
        env=environment,
        check=True,
        capture_output=True,
    )
