"""`render`: write the objects of one cluster or of all as files, for GitOps and for review."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.output import AsJson, Output
from sovereign_ai.errors import Problem, UsageError, nearest

if TYPE_CHECKING:
    from sovereign_ai.cli.stack import Stack
    from sovereign_ai.render.delivery import Repository
    from sovereign_ai.render.kubernetes import Bundle


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("render", **example("sovereign-ai render stacks/lab -o manifests"))
    def render(
        stack: Annotated[
            Path, typer.Argument(help="A stack's folder, or a description in YAML, JSON or Python.")
        ] = Path(),
        out: Annotated[
            Path | None,
            typer.Option(
                "--output", "-o", help="Folder for the files; left out, YAML goes to standard output."
            ),
        ] = None,
        cluster: Annotated[
            str | None,
            typer.Option(
                "--stack",
                metavar="NAME",
                help="Which of the plan's clusters; left out, --output gets a folder for each.",
            ),
        ] = None,
        gitops: Annotated[
            str | None,
            typer.Option(
                "--gitops",
                metavar="TOOL",
                help="Add objects of `argocd` or `flux` that deliver every cluster from a Git repository.",
            ),
        ] = None,
        url: Annotated[
            str | None,
            typer.Option("--repo-url", metavar="URL", help="The repository, without an account or a token."),
        ] = None,
        folder: Annotated[
            str, typer.Option("--repo-path", metavar="PATH", help="The folder of --output in the repository.")
        ] = ".",
        revision: Annotated[
            str,
            typer.Option("--revision", metavar="NAME", help="A branch, a commit, or refs/tags/NAME."),
        ] = "main",
        secret: Annotated[
            str,
            typer.Option("--repo-secret", metavar="NAME", help="Flux: the Secret with its credentials."),
        ] = "",
        plain_http: Annotated[
            bool, typer.Option("--plain-http", help="Permit a repository's address without TLS.")
        ] = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Render the Kubernetes objects of one cluster, or of every cluster into a folder of its own."""
        place = RepositoryOptions(url, folder, revision, secret, plain_http)
        run_command("render", as_json, lambda output: _render(output, stack, out, cluster, gitops, place))


@dataclass(frozen=True, slots=True)
class RepositoryOptions:
    """What the options say of the repository, as it was typed.

    Attributes:
        url: its address; None where it was left out.
        path: the folder in it.
        revision: what is delivered of it.
        secret: the Secret with credentials; empty for none.
        plain_http: whether its address may have no TLS.
    """

    url: str | None
    path: str
    revision: str
    secret: str
    plain_http: bool


_NO_REPOSITORY = RepositoryOptions(None, ".", "main", "", plain_http=False)


def _render(
    output: Output,
    path: Path,
    out: Path | None,
    cluster: str | None,
    gitops: str | None,
    place: RepositoryOptions,
) -> None:
    from sovereign_ai.cli.stack import open_stack

    repository = _repository(gitops, place, out)
    stack = open_stack(path)
    if out is None:
        _print(output, stack.bundle(cluster))
    elif gitops is not None and repository is not None:
        _write_gitops(output, stack, _bundles(stack, cluster), out, gitops, repository)
    elif cluster is None and len(stack.plan.clusters) > 1:
        bundles = _bundles(stack, None)
        _write_folders(output, bundles, out, _kustomizations(bundles))
    else:
        _write_flat(output, stack.bundle(cluster), out)


def _repository(gitops: str | None, place: RepositoryOptions, out: Path | None) -> Repository | None:
    """Return the repository that the options name; None without `--gitops`.

    Raises:
        UsageError: every problem of the options.
    """
    from sovereign_ai.render.delivery import GITOPS_TOOLS, parse_repository

    problems: list[Problem] = []
    repository = None
    if gitops is None:
        if place != _NO_REPOSITORY:
            message = "--repo-url, --repo-path, --revision, --repo-secret and --plain-http belong to --gitops"
            problems.append(Problem("bad-option", message, hint=f"add --gitops {' | '.join(GITOPS_TOOLS)}"))
    else:
        problems += _gitops_problems(gitops, place, out)
        if place.url is not None:
            try:
                repository = parse_repository(
                    place.url, place.path, place.revision, place.secret, plain_http=place.plain_http
                )
            except UsageError as error:
                problems += error.problems
    if problems:
        raise UsageError(problems)
    return repository


def _gitops_problems(gitops: str, place: RepositoryOptions, out: Path | None) -> Iterator[Problem]:
    """Yield what is wrong with the options of `--gitops` beside the repository itself."""
    from sovereign_ai.render.delivery import GITOPS_TOOLS

    if gitops not in GITOPS_TOOLS:
        message = f"--gitops: {gitops!r} is not one of {', '.join(GITOPS_TOOLS)}"
        yield Problem("bad-option", message, hint=nearest(gitops, GITOPS_TOOLS))
    if out is None:
        yield Problem("no-output", "--gitops writes a folder, and none was named", hint="add --output DIR")
    if place.url is None:
        hint = "add --repo-url https://HOST/PATH, the repository to which the folder is committed"
        yield Problem("bad-option", "--gitops delivers from a repository, and none was named", hint=hint)
    if place.secret and gitops == "argocd":
        message = "--repo-secret is an option of Flux: Argo CD finds credentials by the repository's address"
        yield Problem("bad-option", message, hint="leave it out, and register the repository in Argo CD")


def _bundles(stack: Stack, cluster: str | None) -> list[Bundle]:
    """Return the objects of one cluster, or of every cluster where none is named."""
    if cluster is not None:
        return [stack.bundle(cluster)]
    return [stack.bundle(planned.name) for planned in stack.plan.clusters]


def _print(output: Output, bundle: Bundle) -> None:
    """Print the objects of a cluster."""
    data: dict[str, Any] = {"cluster": bundle.cluster, "digest": bundle.digest}
    data["objects"] = list(bundle.objects)
    output.finish(data, bundle.to_yaml().rstrip("\n").split("\n"))


def _write_flat(output: Output, bundle: Bundle, out: Path) -> None:
    """Write the objects of one cluster into a folder."""
    files = bundle.write(out)
    paths = [str(file) for file in files]
    lines = [f"wrote {len(bundle.objects)} objects in {len(paths)} files to {out}"]
    lines.append(f"digest {bundle.digest}")
    output.finish({"cluster": bundle.cluster, "digest": bundle.digest, "files": paths}, lines)


def _kustomizations(bundles: Sequence[Bundle]) -> dict[str, str]:
    """Return the text of every file of several clusters, by its path."""
    files: dict[str, str] = {}
    for bundle in bundles:
        for name, text in bundle.files().items():
            files[f"{bundle.cluster}/{name}"] = text
    return files


def _write_gitops(
    output: Output, stack: Stack, bundles: Sequence[Bundle], out: Path, gitops: str, repository: Repository
) -> None:
    """Write every cluster's objects and what delivers them."""
    from sovereign_ai.render.delivery import gitops_files, warnings

    files = gitops_files(stack.factory, bundles, gitops, repository)
    _write_folders(output, bundles, out, files, gitops, warnings(stack.factory, gitops))


def _write_folders(
    output: Output,
    bundles: Sequence[Bundle],
    out: Path,
    files: Mapping[str, str],
    gitops: str | None = None,
    warnings: Sequence[str] = (),
) -> None:
    """Write the objects of clusters, each into a folder of the cluster's name, and what else there is."""
    from sovereign_ai.cli.plan_text import wrapped
    from sovereign_ai.render.kubernetes import write_clusters

    written = write_clusters(out, files, output.progress)
    clusters, lines = _summary(bundles, out)
    paths = sorted(str(out / name) for name in files)
    data: dict[str, Any] = {"clusters": clusters, "files": paths, "removed": written.removed}
    if gitops is not None:
        data |= {"gitops": gitops, "warnings": list(warnings)}
        lines += [f"wrote {out / name}" for name in sorted(files) if "/" not in name]
    if written.removed:
        lines.append(f"removed {written.removed} files of an earlier run")
    lines += wrapped(warnings)
    output.finish(data, lines)


def _summary(bundles: Sequence[Bundle], out: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Return what was written of each cluster, for a program and for a person."""
    data: list[dict[str, Any]] = []
    lines: list[str] = []
    for bundle in bundles:
        count, folder = len(bundle.objects), str(out / bundle.cluster)
        row = {"cluster": bundle.cluster, "digest": bundle.digest, "objects": count, "folder": folder}
        data.append(row)
        lines.append(f"wrote {count} objects to {folder}, digest {bundle.digest}")
    return data, lines
