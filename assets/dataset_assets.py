"""The assets of one dataset, made from its description.

Belongs here: one raw asset (the publisher's files), one core asset per table, and the
gates as blocking checks. Nothing here knows which dataset it is about.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import dagster as dg

from assets import shown
from assets.workspace import Workspace, WorkspaceResource, lacking
from opendata.catalogue import Dataset
from opendata.derive import build_derived
from opendata.errors import OpenDataError
from opendata.ingest import Outcome, Source, build, noted
from opendata.state import Version
from opendata.take import take

#: One process writes into the data folder, and DuckDB lets one writer in, at a time.
POOL = "duckdb"
#: For a portal that does not answer: after one, two and four minutes, give or take. It is no
#: policy of a step: Dagster would also try again what a person interrupted, and every mistake.
RETRIES = dg.RetryPolicy(
    max_retries=3, delay=60, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS
)
#: Status of a dataset whose key is not set.
NOT_CONFIGURED = "not configured"


def raw_key(dataset: str) -> str:
    """Return the name of the raw asset of a dataset."""
    return f"raw_{dataset}"


def core_key(table: str) -> str:
    """Return the name of the asset of a table."""
    return f"core_{table}"


def tags(dataset: Dataset) -> dict[str, str]:
    """Return what to filter on: licence, personal data, publisher's cadence."""
    return {
        "licence": dataset.licence.id,
        "personal_data": "yes" if dataset.contains_personal_data else "no",
        "cadence": dataset.cadence.frequency,
    }


def provenance(dataset: Dataset) -> dict[str, Any]:
    """Return the metadata that every asset of a dataset shows."""
    return {
        "publisher": dataset.publisher.long_name,
        "licence": dg.MetadataValue.md(f"[{dataset.licence.title}]({dataset.licence.url})"),
        "landing_page": dg.MetadataValue.url(dataset.landing_page),
    }


def dataset_assets(source: Source) -> list[dg.AssetsDefinition]:
    """Return the assets of ``source``, upstream first."""
    if source.dataset.derived_from is not None:
        return [_core(source)]
    return [_raw(source), _core(source)]


def _raw(source: Source) -> dg.AssetsDefinition:
    dataset = source.dataset

    @dg.asset(
        name=raw_key(dataset.name),
        group_name="raw",
        description=f"{dataset.description_en}\n\n{dataset.description}",
        kinds={"file"},
        tags=tags(dataset),
        owners=["team:data"],
        metadata={**provenance(dataset), "dagster/column_schema": shown.raw_schema(dataset)},
        check_specs=[
            dg.AssetCheckSpec(
                "publisher_date",
                asset=raw_key(dataset.name),
                description="whether what the publisher offers is as recent as it should be",
            )
        ],
        pool=POOL,
    )
    def raw(workspace: WorkspaceResource) -> Iterator[dg.MaterializeResult[None]]:
        variable = lacking(dataset)
        if variable is not None:
            yield dg.MaterializeResult(
                metadata={**provenance(dataset), **_off(variable)},
                data_version=dg.DataVersion(NOT_CONFIGURED),
                check_results=[_unasked(variable, "publisher_date", raw_key(dataset.name))],
            )
            return
        with (
            tried_again(),
            workspace.writing(f"asking for {dataset.name}") as opened,
            noted(dataset.name, opened.data_dir, opened.clock),
        ):
            taken = take(source, opened.store, opened.clock, opened.portals)
        receipts = taken.receipts.values()
        counted = [receipt.rows for receipt in receipts if receipt.rows is not None]
        yield dg.MaterializeResult(
            metadata={
                **provenance(dataset),
                "source_date": taken.publisher_date.isoformat(),
                "dagster/row_count": sum(counted),
                "bytes": sum(receipt.bytes for receipt in receipts),
                "unchanged": taken.unchanged,
                "receipts": dg.MetadataValue.json(
                    [receipt.model_dump(mode="json") for receipt in receipts]
                ),
            },
            data_version=dg.DataVersion("+".join(sorted(r.sha256[:12] for r in receipts))),
            check_results=[
                _publisher_date(dataset, taken.publisher_date, opened.clock.today()),
            ],
        )

    return raw


@contextmanager
def tried_again() -> Iterator[None]:
    """Ask Dagster for another attempt of this step where the failure may pass by itself.

    Whatever was refused (licence, contract, gates) is not tried again, nor is anything in a
    command: see ``WorkspaceResource.asks_again``.
    """
    try:
        yield
    except dg.Failure as failure:
        attempt = dg.OpExecutionContext.get().retry_number
        if not failure.allow_retries or attempt >= RETRIES.max_retries:
            raise
        delay = RETRIES.calculate_delay(attempt + 1)
        raise dg.RetryRequested(RETRIES.max_retries, delay) from failure


def _publisher_date(dataset: Dataset, published: date, today: date) -> dg.AssetCheckResult:
    """Judge the publisher's own date: asking often does not make a source fresh."""
    age, cadence = (today - published).days, dataset.cadence
    late = age > cadence.warn_after_days
    words = f"the latest publication is of {published}, {age} days ago"
    if late:
        words += (
            f"; of a {cadence.frequency} source no more than {cadence.warn_after_days} days are "
            "expected. We asked and took what there is: look at the publisher's page "
            f"({dataset.landing_page})"
        )
    return dg.AssetCheckResult(
        asset_key=raw_key(dataset.name),
        check_name="publisher_date",
        passed=not late,
        severity=dg.AssetCheckSeverity.WARN,
        description=words,
        metadata={"age in days": age, "expected within": cadence.warn_after_days},
    )


def _core(source: Source) -> dg.AssetsDefinition:
    dataset = source.dataset
    upstream = (
        [core_key(table) for table in _origin_tables(dataset)]
        if dataset.derived_from is not None
        else [raw_key(dataset.name)]
    )
    specs = [
        dg.AssetSpec(
            core_key(name),
            deps=upstream,
            group_name="core",
            description=f"{table.title_en}. {table.title_fr}.",
            kinds={"parquet", "polars"},
            tags=tags(dataset),
            owners=["team:data"],
            code_version=source.fingerprint,
            metadata={
                **provenance(dataset),
                "dagster/column_schema": shown.schema(dataset.described_columns(name)),
                "dagster/table_name": name,
            },
        )
        for name, table in dataset.tables.items()
    ]
    checks = [
        dg.AssetCheckSpec(
            "gates",
            asset=core_key(name),
            blocking=True,
            description="rows, fill rates, keys, references and changes against dataset.yml",
        )
        for name in dataset.tables
    ]

    @dg.multi_asset(name=f"core_{dataset.name}", specs=specs, check_specs=checks, pool=POOL)
    def core(workspace: WorkspaceResource) -> Iterator[dg.MaterializeResult[None]]:
        with (
            workspace.writing(f"tables of {dataset.name}") as opened,
            noted(dataset.name, opened.data_dir, opened.clock),
        ):
            variable = lacking(dataset)
            off = variable is not None and opened.store.current(dataset.name) is None
            outcome = None if off else _outcome(source, opened)
        if outcome is None:
            yield from _nothing(dataset, str(variable))
        else:
            yield from _results(dataset, outcome, opened)

    return core


def _off(variable: str) -> dict[str, Any]:
    return {"status": NOT_CONFIGURED, "needs": variable, "dagster/row_count": 0}


def _nothing(dataset: Dataset, variable: str) -> Iterator[dg.MaterializeResult[None]]:
    """Say of each table that nobody asked for it: that is neither a failure nor no change."""
    for name in dataset.tables:
        yield dg.MaterializeResult(
            asset_key=core_key(name),
            metadata={**provenance(dataset), **_off(variable)},
            data_version=dg.DataVersion(NOT_CONFIGURED),
            check_results=[_unasked(variable, "gates", core_key(name))],
        )


def _unasked(variable: str, check: str, asset: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=check,
        passed=True,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"not configured: {variable} is not set",
    )


def _origin_tables(dataset: Dataset) -> tuple[str, ...]:
    from assets.discovery import overlays, sources

    over = overlays().get(str(dataset.derived_from))
    own = sources()[str(dataset.derived_from)].dataset.tables
    return (*own, *(over.tables if over is not None else ()))


def _outcome(source: Source, opened: Workspace) -> Outcome:
    if source.dataset.derived_from is None:
        ceiling = opened.changed_ceilings.get(source.dataset.name)
        return build(source, opened.store, opened.clock, changed_ceiling=ceiling)
    outcome = build_derived(source, opened.store, opened.clock)
    if outcome is None:
        raise OpenDataError(
            f"{source.dataset.derived_from} has no version yet",
            next_step=f"run `company-signals fetch {source.dataset.derived_from}` first",
        )
    return outcome


def _results(
    dataset: Dataset, outcome: Outcome, opened: Workspace
) -> Iterator[dg.MaterializeResult[None]]:
    version = outcome.version
    state = opened.store.state(dataset.name)
    # What waits for a person is no news to what follows: its version is that of what serves.
    serving = opened.store.current(dataset.name)
    for name, table in version.tables.items():
        own = [check for check in outcome.checks if check.table in (name, "")]
        broken = [check for check in own if not check.passed]
        blocking = [check for check in broken if check.severity == "error"]
        severity = dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN
        words = "; ".join(check.message for check in broken) or "all gates passed"
        yield dg.MaterializeResult(
            asset_key=core_key(name),
            metadata={
                **provenance(dataset),
                "dagster/row_count": table.rows,
                "source_date": version.publisher_date.isoformat(),
                "status": outcome.status,
                "version": version.id,
                "read": version.read,
                "accepted": version.accepted,
                "rejected": version.rejected,
                "rejected_by_rule": dg.MetadataValue.json(version.rules),
                "new_columns": dg.MetadataValue.json(list(version.new_columns)),
                "sha256": table.sha256,
                "preview": dg.MetadataValue.md(
                    shown.preview(opened.store, dataset, name, version.id)
                ),
                **_shown(dataset, name, shown.over_time(state.versions, name)),
            },
            data_version=dg.DataVersion(_served(serving, name)),
            check_results=[
                dg.AssetCheckResult(
                    asset_key=core_key(name),
                    check_name="gates",
                    passed=not broken,
                    severity=severity,
                    description=words,
                    metadata={check.name: check.message for check in own},
                )
            ],
        )


def _shown(dataset: Dataset, table: str, rows: dict[date, int]) -> dict[str, Any]:
    """Return the chart of the versions kept, and where each column comes from."""
    by_date = {day.isoformat(): count for day, count in rows.items()}
    said = {"rows by version": dg.MetadataValue.md(shown.chart("rows by version", by_date))}
    if dataset.derived_from is not None:
        return said
    origin = shown.lineage(dataset, table, raw_key(dataset.name))
    return {**said, "dagster/column_lineage": origin}


def _served(serving: Version | None, table: str) -> str:
    """Return the content of ``table`` that readers see."""
    if serving is None or table not in serving.tables:
        return "nothing serves"
    return serving.tables[table].sha256
