"""Deploy a bundle's objects to a cluster, and configure hosts by the plan, through the real Pulumi engine.

Rules of this package:

- Counts, names and zones are plain values, decided before Pulumi reads them; no Output is read.
- `FactoryDeployment` is the one component that a stack declares; all other resources are below it.
  `HostConfiguration` is declared separately, by `sovereign-ai hosts up` or by a user's own program: without
  it, no host is connected to.
- The component itself checks the rules, so `sovereign-ai up` and a plain `pulumi up` pass the same check.
- Names are deterministic, and every creation is an upsert of an object of this stack, so that a second run
  after any kill has the same result.

    import sovereign_ai as sai
    from sovereign_ai.deploy import FactoryDeployment

    factory = sai.load("factory.yaml")
    FactoryDeployment(factory.name, factory)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.deploy.allowed_deletions import Allowed
    from sovereign_ai.deploy.changes import OWN_PROGRAM, Changes, compare, is_understood, loaded_by
    from sovereign_ai.deploy.components.factory_deployment import FactoryDeployment
    from sovereign_ai.deploy.components.given_provider import plugin_problem, server_of
    from sovereign_ai.deploy.components.judged import JUDGED_FILE, judged_note
    from sovereign_ai.deploy.components.provider import PROVIDER_VERSION, provider_inputs
    from sovereign_ai.deploy.components.rule_check import gate
    from sovereign_ai.deploy.control_plane_setup import is_local, prepare_control_plane
    from sovereign_ai.deploy.definitions import removed_definition_problems
    from sovereign_ai.deploy.drift_policy import (
        is_always_restored,
        needs_refresh,
        reported,
        reports_only,
        without_drift,
    )
    from sovereign_ai.deploy.dry_run import TRIED, deleted_objects, locator_of, require_deletable, try_out
    from sovereign_ai.deploy.engine.partial_run import PartialRun, partial_run
    from sovereign_ai.deploy.engine.runs import Engine, PulumiOutcome, ready
    from sovereign_ai.deploy.engine.signals import signals_as_interrupt
    from sovereign_ai.deploy.hosts.configuration import HostConfiguration
    from sovereign_ai.deploy.live.accepted_policies import policies_accepted_by
    from sovereign_ai.deploy.live.cluster_identity import DeployTarget, recognised_line
    from sovereign_ai.deploy.live.kubeconfig_move import moved_kubeconfig
    from sovereign_ai.deploy.moves.departures import arrivals
    from sovereign_ai.deploy.moves.deployment_roots import require_only_deployment
    from sovereign_ai.deploy.moves.drain import uncordon
    from sovereign_ai.deploy.moves.noted_renames import Renames
    from sovereign_ai.deploy.moves.renames import planned_moves, planned_renames
    from sovereign_ai.deploy.objects import resource_name
    from sovereign_ai.deploy.preconditions import (
        Checked,
        check_preconditions,
        claim_cluster,
        require_approval,
    )
    from sovereign_ai.deploy.preparation import applying_policies, begin_preparation
    from sovereign_ai.deploy.reading import reading_of, serves_all
    from sovereign_ai.deploy.removal.decision import (
        Removal,
        check_removal,
        other_stacks,
        remove_holders,
        remove_leftovers,
        remove_orphans,
    )
    from sovereign_ai.deploy.removal.deletions import losses, volume_problems
    from sovereign_ai.deploy.removal.direct_removal import needs_engine, remove_directly
    from sovereign_ai.deploy.removal.kept_definitions import hand_back, release_after_kueue, release_lines
    from sovereign_ai.deploy.removal.left_behind import unplanned_stacks
    from sovereign_ai.deploy.removal.termination import (
        TerminationWatch,
        explaining,
        wait_until_gone,
        watching,
    )
    from sovereign_ai.deploy.removal.withdrawal import withdrawn
    from sovereign_ai.deploy.restoration import restore
    from sovereign_ai.deploy.simulated_planes import left_out_lines, on_cluster
    from sovereign_ai.deploy.stack_deployment import StackDeployment
    from sovereign_ai.deploy.stack_folder import scaffold
    from sovereign_ai.deploy.state.check import StateReport, inspect_state, plan_repair, repair
    from sovereign_ai.deploy.state.files import StackFiles, project_of
    from sovereign_ai.deploy.state.folder_lock import lock_folder
    from sovereign_ai.deploy.state.move import move
    from sovereign_ai.deploy.state.pulumi_environment import engine_variables, pulumi_state, state_dir
    from sovereign_ai.deploy.state.stack_context import context_of_stack
    from sovereign_ai.deploy.state.target import read_target
    from sovereign_ai.deploy.state.unlock import Unlocking, unlock
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "stack_deployment": ("StackDeployment",),
            "allowed_deletions": ("Allowed",),
            "live.accepted_policies": ("policies_accepted_by",),
            "changes": ("Changes", "OWN_PROGRAM", "compare", "is_understood", "loaded_by"),
            "live.cluster_identity": ("DeployTarget", "recognised_line"),
            "components.factory_deployment": ("FactoryDeployment",),
            "control_plane_setup": ("is_local", "prepare_control_plane"),
            "removal.deletions": ("losses", "volume_problems"),
            "moves.deployment_roots": ("require_only_deployment",),
            "removal.direct_removal": ("needs_engine", "remove_directly"),
            "moves.departures": ("arrivals",),
            "moves.drain": ("uncordon",),
            "drift_policy": (
                "is_always_restored",
                "needs_refresh",
                "reported",
                "reports_only",
                "without_drift",
            ),
            "definitions": ("removed_definition_problems",),
            "dry_run": ("TRIED", "deleted_objects", "require_deletable", "locator_of", "try_out"),
            "engine.runs": ("Engine", "PulumiOutcome", "ready"),
            "state.folder_lock": ("lock_folder",),
            "components.given_provider": ("plugin_problem", "server_of"),
            "hosts.configuration": ("HostConfiguration",),
            "components.judged": ("JUDGED_FILE", "judged_note"),
            "removal.kept_definitions": ("hand_back", "release_after_kueue", "release_lines"),
            "live.kubeconfig_move": ("moved_kubeconfig",),
            "removal.left_behind": ("unplanned_stacks",),
            "moves.noted_renames": ("Renames",),
            "objects": ("resource_name",),
            "engine.partial_run": ("PartialRun", "partial_run"),
            "preconditions": (
                "Checked",
                "check_preconditions",
                "claim_cluster",
                "require_approval",
            ),
            "preparation": ("applying_policies", "begin_preparation"),
            "components.provider": ("PROVIDER_VERSION", "provider_inputs"),
            "state.pulumi_environment": ("engine_variables", "pulumi_state", "state_dir"),
            "reading": ("reading_of", "serves_all"),
            "removal.decision": (
                "Removal",
                "check_removal",
                "other_stacks",
                "remove_holders",
                "remove_leftovers",
                "remove_orphans",
            ),
            "moves.renames": ("planned_moves", "planned_renames"),
            "restoration": ("restore",),
            "components.rule_check": ("gate",),
            "engine.signals": ("signals_as_interrupt",),
            "state.stack_context": ("context_of_stack",),
            "stack_folder": ("scaffold",),
            "simulated_planes": ("left_out_lines", "on_cluster"),
            "state.check": ("StateReport", "inspect_state", "plan_repair", "repair"),
            "state.files": ("StackFiles", "project_of"),
            "state.move": ("move",),
            "state.target": ("read_target",),
            "state.unlock": ("Unlocking", "unlock"),
            "removal.termination": ("TerminationWatch", "explaining", "wait_until_gone", "watching"),
            "removal.withdrawal": ("withdrawn",),
        },
    )

__all__ = [
    "JUDGED_FILE",
    "OWN_PROGRAM",
    "PROVIDER_VERSION",
    "TRIED",
    "Allowed",
    "Changes",
    "Checked",
    "DeployTarget",
    "Engine",
    "FactoryDeployment",
    "HostConfiguration",
    "PartialRun",
    "PulumiOutcome",
    "Removal",
    "Renames",
    "StackDeployment",
    "StackFiles",
    "StateReport",
    "TerminationWatch",
    "Unlocking",
    "applying_policies",
    "arrivals",
    "begin_preparation",
    "check_preconditions",
    "check_removal",
    "claim_cluster",
    "compare",
    "context_of_stack",
    "deleted_objects",
    "engine_variables",
    "explaining",
    "gate",
    "hand_back",
    "inspect_state",
    "is_always_restored",
    "is_local",
    "is_understood",
    "judged_note",
    "left_out_lines",
    "loaded_by",
    "locator_of",
    "lock_folder",
    "losses",
    "move",
    "moved_kubeconfig",
    "needs_engine",
    "needs_refresh",
    "on_cluster",
    "other_stacks",
    "partial_run",
    "plan_repair",
    "planned_moves",
    "planned_renames",
    "plugin_problem",
    "policies_accepted_by",
    "prepare_control_plane",
    "project_of",
    "provider_inputs",
    "pulumi_state",
    "read_target",
    "reading_of",
    "ready",
    "recognised_line",
    "release_after_kueue",
    "release_lines",
    "remove_directly",
    "remove_holders",
    "remove_leftovers",
    "remove_orphans",
    "removed_definition_problems",
    "repair",
    "reported",
    "reports_only",
    "require_approval",
    "require_deletable",
    "require_only_deployment",
    "resource_name",
    "restore",
    "scaffold",
    "server_of",
    "serves_all",
    "signals_as_interrupt",
    "state_dir",
    "try_out",
    "uncordon",
    "unlock",
    "unplanned_stacks",
    "volume_problems",
    "wait_until_gone",
    "watching",
    "withdrawn",
    "without_drift",
]
