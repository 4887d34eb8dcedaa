"""Provide the node image of kind clusters: from the container engine, the cache, a registry, or a build.

By default the image is built and loaded into the container engine. The published one is pulled, by digest,
only on request, since no registry is contacted unasked; where no registry has it, the image is built. One
local tag names either, and `kind-config.yaml` uses it. What was built stays in the cache, for a container
engine that lost it.

    image = node_image(progress=print)
    image.tag            # 'sovereign-ai/node:v1.37.2'
    image.way            # 'engine', 'published', 'cache' or 'built'
"""

from __future__ import annotations

import hashlib
import platform
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, field
from pathlib import Path
from typing import Any, Literal

import orjson

from sovereign_ai.errors import EnvironmentLacksError, Problem
from sovereign_ai.files import CACHED, content_if_whole
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.toolchain.cache import Progress, cache_dir, ensure, locked_name, remove
from sovereign_ai.toolchain.container_engine.docker import Docker
from sovereign_ai.toolchain.install import find, install
from sovereign_ai.toolchain.locate import cached, on_path
from sovereign_ai.toolchain.node_image import debian, parts
from sovereign_ai.toolchain.node_image.archive import Image, file_sha256, write_docker, write_oci
from sovereign_ai.toolchain.steps import WayClosedError
from sovereign_ai.toolchain.table import KIND_NODE, KIND_TOOLS, TOOLS, tool

TAG = f"sovereign-ai/node:v{tool('kubeadm').version}"
"""The name of every node image in the container engine."""
RECIPE = "internal.sovereign-ai.recipe"
"""The label with the digest of everything that an image was made from."""
_PULL_SECONDS = 900.0
_REACH_SECONDS = 20.0
Way = Literal["engine", "published", "cache", "built"]


@frozen_dataclass
class NodeImage:
    """A node image in the container engine.

    Attributes:
        tag: its local name.
        identity: the digest of its configuration, which the container engine calls its ID.
        way: where it came from this time.
        recipe: what decides its content.
        record: its content: digests of layers and programs, versions of packages; empty for the published
            one.
    """

    tag: str
    identity: str
    way: Way
    recipe: str
    record: Mapping[str, Any] = field(default_factory=dict)

    def to_data(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


def node_image(*, progress: Progress, published: bool = False, again: bool = False) -> NodeImage:
    """Make sure that the node image is in the container engine.

    Args:
        progress: called with one line for each step.
        published: try to pull the published image before building one.
        again: build even if one is there.

    Raises:
        EnvironmentLacksError: no container engine answers, or nothing could be pulled or built.
    """
    docker = Docker()
    if not docker.answers():
        raise EnvironmentLacksError(
            Problem(
                "no-engine",
                "no container engine answers",
                hint="run `sovereign-ai cluster engine up` as root, or start Docker",
            )
        )
    wanted = recipe()
    with locked_name(f"node-image-{wanted}", progress):
        present = _in_engine(docker)
        if present in {wanted, KIND_NODE} and not again:
            progress(f"node image {TAG}: already in the container engine")
            return _described(docker, "engine", present, wanted)
        if published and not again and pull(docker, progress):
            return _described(docker, "published", KIND_NODE, wanted)
        archive = folder(wanted) / "image.tar"
        way: Way = "cache" if archive.is_file() and not again else "built"
        if way == "built":
            build(wanted, progress)
        progress(f"node image {TAG}: loading it into the container engine")
        docker.text("load", source=archive, limit=600)
        return _described(docker, way, wanted, wanted)


def recipe() -> str:
    """Return the short digest of every file of this project that decides the image's content."""
    digest = hashlib.sha256()
    for name in _tools():
        digest.update(tool(name).recipe.encode())
    for path in sorted(
        [*parts.FILES.rglob("*"), *parts.TOOLBOX.rglob("*"), *Path(__file__).parent.glob("*.py")]
    ):
        if path.is_file():
            digest.update(str(path.relative_to(Path(__file__).parent)).encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def folder(wanted: str) -> Path:
    """Return the cache's folder of a built image, which may not exist."""
    return cache_dir() / "node-image" / wanted


def toolbox_archive(names: tuple[str, ...], target: Path, *, progress: Progress) -> str:
    """Write the archive of the image that probes and tests run, under names of a registry; return its digest.

    Args:
        names: repositories, without tag; the image is called by its digest in each.
        target: where the archive is written.
        progress: called with a line if it takes long.

    Raises:
        EnvironmentLacksError: it does not build.
    """
    work = ensure(target.parent)
    box = _toolbox(work, progress)
    digest = parts.toolbox_image(work, box).digest
    write_oci(target, [parts.toolbox_image(work, box, tuple(f"{name}@{digest}" for name in names))])
    return digest


def build(wanted: str, progress: Progress) -> Path:
    """Build the image into the cache, and return its folder.

    Raises:
        EnvironmentLacksError: a tool or a package cannot be had.
    """
    debian.need()
    install(_tools(), progress=progress)
    final, work = folder(wanted), cache_dir() / "work" / f"node-image-{wanted}"
    remove(work)
    ensure(work)
    box = _toolbox(work, progress)
    names = parts.image_names(find("kubeadm"))
    node = debian.node_tree(work, progress)
    tools = debian.tool_tree(node, work)
    progress("node image: writing images and layers")
    every, control = parts.cluster_images(work, names, tools, box)
    archives = {"node.tar": work / "node-images.tar", "control-plane.tar": work / "control-images.tar"}
    write_oci(archives["node.tar"], every)
    write_oci(archives["control-plane.tar"], control)
    top = parts.overlay(work, names, archives)
    image = Image(
        (TAG,),
        (node, top),
        entrypoint=("/usr/local/bin/entrypoint", "/sbin/init"),
        env=("container=docker",),
        labels=((RECIPE, wanted),),
        stop_signal="SIGRTMIN+3",
    )
    made = ensure(work / "made")
    write_docker(made / "image.tar", image)
    record = {
        "tag": TAG,
        "recipe": wanted,
        "identity": image.identity,
        "layers": {"debian": node.digest, "ours": top.digest},
        "images": _digests((*every, *control)),
        "programs": {
            name: file_sha256(find(name).resolve()) for name in sorted({*parts.PROGRAMS, *_in_images()})
        },
        "packages": debian.packages(node.path),
        "machine": platform.machine(),
    }
    (made / "record.json").write_bytes(
        orjson.dumps(record, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
    )
    ensure(final.parent)
    remove(final)
    made.rename(final)
    remove(work)
    return final


def pull(docker: Docker, progress: Progress) -> bool:
    """Pull the published image by digest, add this project's files, and tag it.

    Returns:
        False where no registry has it.
    """
    progress(f"node image: asking for the published one ({KIND_NODE.partition('@')[0]})")
    try:
        if docker.run("manifest", "inspect", KIND_NODE, limit=_REACH_SECONDS).returncode != 0:
            return False
        docker.text("pull", "--quiet", KIND_NODE, limit=_PULL_SECONDS)
    except EnvironmentLacksError as error:
        progress(f"node image: not pulled: {error.problems[0].message}")
        return False
    _dress(docker, progress)
    return True


def _dress(docker: Docker, progress: Progress) -> None:
    """Put the audit policy and the node's own encryption key into the published image, by its own means."""
    progress("node image: adding audit policy and encryption to the published image")
    work = cache_dir() / "work" / "published"
    remove(work)
    ensure(work)
    for name in ("usr/local/bin/sovereign-secrets", "etc/sovereign-ai/audit.json"):
        target = work / name
        ensure(target.parent)
        shutil.copyfile(parts.FILES / name, target)
    (work / "usr/local/bin/sovereign-secrets").chmod(0o755)
    unit = "[Unit]\nBefore=kubelet.service\n[Service]\nType=oneshot\n"
    unit += "ExecStart=/usr/local/bin/sovereign-secrets\n[Install]\nWantedBy=multi-user.target\n"
    unit_file = ensure(work / "etc/systemd/system") / "sovereign-secrets.service"
    unit_file.write_text(unit)
    recipe_file = work / "Dockerfile"
    lines = [f"FROM {KIND_NODE}", "COPY usr /usr", "COPY etc /etc", f'LABEL {RECIPE}="{KIND_NODE}"']
    lines.append("RUN systemctl enable sovereign-secrets.service")
    recipe_file.write_text("\n".join(lines) + "\n")
    docker.text("build", "--quiet", "--tag", TAG, str(work), limit=600)
    remove(work)


def _in_engine(docker: Docker) -> str:
    """Return the recipe of the image under the tag; empty if there is none."""
    done = docker.run("image", "inspect", "--format", f'{{{{index .Config.Labels "{RECIPE}"}}}}', TAG)
    return done.stdout.decode().strip() if done.returncode == 0 else ""


def _digests(images: Iterable[Image]) -> dict[str, str]:
    """Return the digest of each image by each of its names."""
    digests = {}
    for image in images:
        for name in image.names:
            digests[name] = image.digest
    return digests


def _described(docker: Docker, way: Way, present: str, wanted: str) -> NodeImage:
    """Describe what the container engine has under the tag."""
    identity = docker.text("image", "inspect", "--format", "{{.Id}}", TAG)
    return NodeImage(TAG, identity, way, present, _record(wanted) if present == wanted else {})


def _record(wanted: str) -> dict[str, Any]:
    """Return what was noted of a built image; empty where its note is missing or damaged."""
    try:
        record = orjson.loads(content_if_whole(folder(wanted) / "record.json", CACHED) or b"")
    except orjson.JSONDecodeError:
        return {}
    return record if isinstance(record, dict) else {}


def _toolbox(work: Path, progress: Progress) -> Path:
    """Build the toolbox with the toolchain's Go."""
    located = cached(TOOLS["go"]) or on_path(TOOLS["go"])
    go = located.path if located else install(["go"], progress=progress)["go"]
    try:
        return parts.toolbox(work, go, progress)
    except WayClosedError as error:
        raise EnvironmentLacksError(
            Problem("toolbox-not-built", str(error), hint=f"its log is in {work}")
        ) from None


def _tools() -> list[str]:
    """Return the name of every tool that goes into the image."""
    return list(
        dict.fromkeys(
            [*(name for name, row in KIND_TOOLS.items() if row.in_image), "kubectl", *parts.SERVERS]
        )
    )


def _in_images() -> tuple[str, ...]:
    """Return the names of the programs that are in images and not in the node itself."""
    return (*parts.SERVERS, *parts.AGENTS, "coredns")
