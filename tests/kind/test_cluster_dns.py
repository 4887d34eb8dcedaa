"""The rendered Corefile, read by CoreDNS itself: it passes declared names on, and refuses all others.

CoreDNS listens on every address of its machine, so it runs in a network namespace that has none but loopback.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.render.kubernetes.network import corefile
from sovereign_ai.spec.dns import Dns, Resolver
from sovereign_ai.toolchain.install import find

pytestmark = pytest.mark.kind
RESOLVER = "10.200.0.53"
DECLARED = ("mirror.example.com", "x.mirror.example.com", "REGISTRY.example.net")
OTHERS = (
    "example.com",
    "evilmirror.example.com",
    "mirror.example.com.example.org",
    "research.example",
    "com",
)
OWN = ("web.research.svc.cluster.local", "7.2.0.192.in-addr.arpa")
_NOERROR, _REFUSED = 0, 5
_KUBERNETES = re.compile(r" +kubernetes [^{]*\{[^}]*\}\n")
_SCRIPT = Path(__file__).with_name("dns_namespace.py")


def rendered() -> str:
    """Return the Corefile of a description with two names."""
    resolver = Resolver(address=RESOLVER, entity="Example Names", seat="DE", country="DE")
    return corefile(Dns(resolvers=(resolver,), names=("*.mirror.example.com", "registry.example.net.")))


def run(folder: Path, text: str, *names: str) -> dict[str, Any]:
    """Return what CoreDNS answers under a configuration, and what the resolver behind it heard."""
    path = folder / "Corefile"
    # Both are on one machine here, and the resolver has port 53.
    path.write_text(text.replace(":53 ", ":5353 "), encoding="utf-8")
    unshare = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--net"]
    script = [sys.executable, str(_SCRIPT), str(find("coredns")), str(path), RESOLVER, *names]
    done = subprocess.run([*unshare, *script], capture_output=True, text=True, check=True, timeout=120)
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


def test_declared_names_reach_the_resolver_and_all_others_are_refused(tmp_path: Path) -> None:
    # The plugin needs an API server. Its part is tried by the next test.
    text = _KUBERNETES.sub("", rendered())
    assert text != rendered()
    answered = run(tmp_path, text, *DECLARED, *OTHERS, *OWN)
    codes = answered["codes"]
    assert {name: codes[name] for name in DECLARED} == dict.fromkeys(DECLARED, _NOERROR), answered["log"]
    assert {name: codes[name] for name in OTHERS} == dict.fromkeys(OTHERS, _REFUSED)
    assert _NOERROR not in {codes[name] for name in OWN}
    assert answered["heard"] == sorted(name.lower() for name in DECLARED)


def test_a_configuration_as_kubeadm_writes_it_passes_every_name_on(tmp_path: Path) -> None:
    text = f".:53 {{\n    errors\n    forward . {RESOLVER}\n}}\n"
    answered = run(tmp_path, text, *OTHERS)
    assert set(OTHERS) <= set(answered["heard"])


def test_coredns_reads_the_whole_file_and_lacks_only_an_api_server(tmp_path: Path) -> None:
    answered = run(tmp_path, rendered())
    assert answered["codes"] == {}
    assert "in-cluster configuration" in answered["log"]
