"""Past months of a dataset as a job with partitions: chosen and watched in Dagster.

Belongs here: one job per dataset that is asked by period, one month a partition. Does not
belong here: taking a month (:mod:`opendata.backfill`), the command (:mod:`pipelines.backfill`).

The assets stay without partitions: what serves is one state, whatever it was made of
(docs/adr/0015). Annotations are not postponed here: Dagster looks at that of ``context``.
"""

from datetime import timedelta

import dagster as dg

from assets import discovery
from assets.dataset_assets import POOL, tried_again
from assets.workspace import WorkspaceResource
from opendata.backfill import backfill, by_period, loaded_from
from opendata.errors import SettingsError
from opendata.ingest import Source
from pipelines.jobs import PARIS, fetched_datasets

#: The first month of open data of these sources: BODACC at DILA.
FIRST = "2008-01-01"
MONTHS = dg.MonthlyPartitionsDefinition(start_date=FIRST, timezone=PARIS)


def backfill_jobs() -> list[dg.JobDefinition]:
    """Return the jobs, of every dataset that may be asked for its past."""
    sources = discovery.sources()
    return [_job(sources[name]) for name in fetched_datasets() if by_period(sources[name].dataset)]


def _job(source: Source) -> dg.JobDefinition:
    dataset = source.dataset

    @dg.op(
        name=f"month_of_{dataset.name}",
        pool=POOL,
        out=dg.Out(dg.Nothing),
        description="Take one month as history: loaded, known to rules, signalled to nobody.",
    )
    def month(context: dg.OpExecutionContext, workspace: WorkspaceResource) -> None:
        first = context.partition_time_window.start.date()
        last = context.partition_time_window.end.date() - timedelta(days=1)
        with tried_again(), workspace.writing(f"{first:%Y-%m} of {dataset.name}") as opened:
            begins = loaded_from(dataset, opened.store)
            if first >= begins:
                raise SettingsError(
                    f"its records are loaded from {begins} on",
                    next_step="choose months before it",
                    dataset=dataset.name,
                )
            # The month in which the loaded days begin is taken up to them.
            end = min(last, begins - timedelta(days=1))
            (outcome,) = backfill(source, opened.store, opened.clock, opened.portals, first, end)
        context.add_output_metadata(
            {
                "from": first.isoformat(),
                "to": end.isoformat(),
                "status": outcome.status,
                "dagster/row_count": sum(one.rows for one in outcome.version.tables.values()),
            }
        )

    @dg.job(
        name=f"backfill_{dataset.name}",
        partitions_def=MONTHS,
        executor_def=dg.in_process_executor,
        description=f"Past months of {dataset.name}: choose them under Partitions. Nothing is "
        "signalled and nothing that follows runs.",
        tags={"licence": dataset.licence.id},
    )
    def job() -> None:
        month()

    return job
