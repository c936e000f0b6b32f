"""An asset that is made in shares: three kinds of steps, whatever executor runs them.

Belongs here: the graph of a plan, its shares and what settles them, as one asset. Does not belong
here: what these do.

Nothing is handed from step to step by Dagster, so that pods need no storage in common for that:
what a share is given and what it leaves are files of the data folder (``parts``). The first and
the last step write what lasts, alone in the folder and in the pool of writers; shares do not.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from assets.dataset_assets import POOL
from assets.workspace import Workspace, WorkspaceResource
from opendata.shares import Share

#: Metadata of the asset and its data version, as the last step says them.
Told = tuple[Mapping[str, Any], dg.DataVersion | None]


@dataclass(frozen=True)
class Steps:
    """How an asset is made in shares.

    Attributes:
        plan: says what there is to do, with metadata of that step; writes alone.
        share: does a share of it, beside others.
        settle: puts together what the shares left; writes alone.
    """

    plan: Callable[[Workspace], Mapping[str, Any]]
    share: Callable[[Workspace, Share], int]
    settle: Callable[[Workspace], Told]


def divided(whole: dg.AssetsDefinition, steps: Steps, shares: int) -> dg.AssetsDefinition:
    """Return the asset ``whole`` as one that is made in ``shares``.

    Args:
        whole: the asset as one step makes it: gives key, group, description, dependencies.
        steps: what is done instead.
        shares: how many may be done at a time.
    """
    (spec,) = whole.specs
    name = spec.key.to_user_string()
    upstream = sorted(dep.asset_key.to_user_string() for dep in spec.deps)
    plan = _plan(name, upstream, steps)
    parts = [_share(name, Share(number, shares), steps) for number in range(1, shares + 1)]
    settle = _settle(name, [part.name for part in parts], steps)
    graph = dg.GraphDefinition(
        name=name,
        node_defs=[plan, *parts, settle],
        dependencies={
            **{part.name: {"planned": dg.DependencyDefinition(plan.name)} for part in parts},
            settle.name: {part.name: dg.DependencyDefinition(part.name) for part in parts},
        },
        input_mappings=[
            dg.InputMapping(
                graph_input_name=one, mapped_node_name=plan.name, mapped_node_input_name=one
            )
            for one in upstream
        ],
        output_mappings=[
            dg.OutputMapping(
                graph_output_name="result",
                mapped_node_name=settle.name,
                mapped_node_output_name="result",
            )
        ],
    )
    made = dg.AssetsDefinition.from_graph(
        graph,
        keys_by_input_name={one: dg.AssetKey(one) for one in upstream},
        keys_by_output_name={"result": spec.key},
        group_name=spec.group_name,
        descriptions_by_output_name={"result": f"{spec.description} Made in {shares} shares."},
        tags_by_output_name={"result": spec.tags},
        owners_by_output_name={"result": spec.owners},
    )
    return made.map_asset_specs(lambda one: one.replace_attributes(kinds=spec.kinds))


def _plan(name: str, upstream: Collection[str], steps: Steps) -> dg.OpDefinition:
    @dg.op(
        name=f"{name}_plan",
        ins={one: dg.In(dg.Nothing) for one in upstream},
        out=dg.Out(dg.Nothing),
        pool=POOL,
    )
    def plan(workspace: WorkspaceResource) -> None:
        with workspace.writing(f"planning {name}") as opened:
            told = steps.plan(opened)
        dg.OpExecutionContext.get().add_output_metadata(dict(told))

    return plan


def _share(name: str, share: Share, steps: Steps) -> dg.OpDefinition:
    @dg.op(
        name=f"{name}_share_{share.number}",
        ins={"planned": dg.In(dg.Nothing)},
        out=dg.Out(dg.Nothing),
    )
    def part(workspace: WorkspaceResource) -> None:
        with workspace.beside(f"share {share} of {name}") as opened:
            done = steps.share(opened, share)
        dg.OpExecutionContext.get().add_output_metadata(
            {"share": str(share), "dagster/row_count": done}
        )

    return part


def _settle(name: str, parts: Sequence[str], steps: Steps) -> dg.OpDefinition:
    @dg.op(
        name=f"{name}_settle",
        ins={one: dg.In(dg.Nothing) for one in parts},
        out=dg.Out(dg.Nothing),
        pool=POOL,
    )
    def settle(workspace: WorkspaceResource) -> dg.Output[None]:
        with workspace.writing(f"settling {name}") as opened:
            metadata, version = steps.settle(opened)
        with warnings.catch_warnings():
            # A version is said here as assets say it in their result, which an op cannot return.
            warnings.simplefilter("ignore", dg.BetaWarning)
            return dg.Output(None, metadata=metadata, data_version=version)

    return settle
