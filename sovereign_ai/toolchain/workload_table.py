"""The controllers that make pods of jobs and services on an embedded control plane, and their definitions.

These rows belong to the table of tools (table.py). Each controller is its project's own packages under a
program of this project, which has one listener, and wants a certificate there. Each is built by itself and
not into one program with Kueue: JobSet and LeaderWorkerSet do not compile with the controller-runtime (0.23)
that Kueue and Trainer need.
"""

from __future__ import annotations

from pathlib import Path

from sovereign_ai.files import package_file
from sovereign_ai.toolchain.row import APACHE, UNKNOWN_DIGEST, Source, Tool, parse_version

_PROGRAMS = Path(__file__).parent / "workload_controllers"
_SERVING = package_file(_PROGRAMS / "serving.go").decode()
_LIBRARIES = tuple(
    f"k8s.io/{name} v0.35.3" for name in ("api", "apimachinery", "apiserver", "client-go", "component-base")
)
"""The version of Kubernetes' libraries that Kueue is built with: they are compiled once for all."""


def _rows(
    name: str, title: str, supplier: str, package: str, source: Source, kinds: str
) -> tuple[Tool, Tool]:
    """Return the row of a controller's definitions, and that of its program.

    Args:
        name: the controller's name in the catalogue.
        title: its name in prose.
        supplier: who publishes it.
        package: the package of its controllers, which names what is built in a bill of materials.
        source: its module.
        kinds: what it makes pods of.
    """
    version = source.version.removeprefix("v")
    numbers = parse_version(version)
    at_least, below = numbers[:2], (numbers[0], numbers[1] + 1)
    program = Source(
        module=source.module,
        version=source.version,
        h1=source.h1,
        package=package,
        main=package_file(_PROGRAMS / f"{name}.go").decode(),
        files=(("serving.go", _SERVING),),
        requires=_LIBRARIES,
        ldflags=(f"-X main.version={version}",),
    )
    definitions = Tool(
        name=name,
        version=version,
        at_least=at_least,
        below=below,
        purpose=f"its custom resource definitions admit {kinds}",
        licence=APACHE,
        supplier=supplier,
        kind="module",
        source=source,
        no_release="only files of the module are used",
        optional=True,
        group="queues",
    )
    controller = Tool(
        name=f"{name}-controller",
        version=version,
        at_least=at_least,
        below=below,
        purpose=f"runs {kinds} on the embedded control plane, where a description names {title}",
        licence=APACHE,
        supplier=supplier,
        pattern=rf"{name} version v(\d+\.\d+\.\d+)",
        source=program,
        no_release=UNKNOWN_DIGEST,
        optional=True,
        group="queues",
        notes=f"{title}'s own packages under a program of the project, which has one listener",
    )
    return definitions, controller


WORKLOAD_ROWS = (
    *_rows(
        "jobset",
        "JobSet",
        "The Kubernetes Authors",
        "sigs.k8s.io/jobset/pkg/controllers",
        Source("sigs.k8s.io/jobset", "v0.11.1", "h1:WgLEBnXTeX+4MxfVkIbfm4jIVgjvIY6Jfaei2okxKNk="),
        "JobSets",
    ),
    *_rows(
        "lws",
        "LeaderWorkerSet",
        "The Kubernetes Authors",
        "sigs.k8s.io/lws/pkg/controllers",
        Source("sigs.k8s.io/lws", "v0.8.0", "h1:DdhJ8QabwTfWgbgaHH2gdf8twliioHaoSfmDXRYEVU0="),
        "LeaderWorkerSets",
    ),
    *_rows(
        "trainer",
        "Kubeflow Trainer",
        "The Kubeflow Authors",
        "github.com/kubeflow/trainer/v2/pkg/controller",
        Source("github.com/kubeflow/trainer/v2", "v2.2.0", "h1:whChZckEtycLo1UKH/M0hiNaCUozbLvf9JrgmMv+TAg="),
        "TrainJobs",
    ),
)
"""In the order in which they are installed."""
