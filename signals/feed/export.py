"""Publishing the streams: the company log, and one stream per account.

Belongs here: the order of a publication and its report. Accounts come first and the
company stream last, so that a publication cut short and run again gives the same rows.
Does not belong here: which rows (:mod:`signals.feed.streams`), the files of one
publication (:mod:`signals.feed.publication`).
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from opendata.clock import Clock
from opendata.errors import SettingsError
from signals.feed import attribution, manifest
from signals.feed.publication import Content, StreamReport, Target, publish
from signals.feed.streams import Before, account_rows, account_source
from signals.log import COMPANY_SOURCE, SignalLog
from signals.registry import registry, signal_types
from signals.segments import read_segments

MATCH_SCHEMA = pl.Schema(
    {
        "match_id": pl.String(),
        "lead_id": pl.String(),
        "account_id": pl.String(),
        "verdict": pl.String(),
        "siren": pl.String(),
        "siret": pl.String(),
        "probability": pl.Float64(),
        "reasons": pl.List(pl.String()),
    }
)
_SAFE = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


@dataclass(frozen=True)
class ExportReport:
    """What an export did, stream by stream, the company stream last."""

    streams: tuple[StreamReport, ...]

    @property
    def published(self) -> bool:
        """Return whether anything was written."""
        return any(stream.published for stream in self.streams)

    @property
    def counts(self) -> dict[str, int]:
        """Return the number of rows added to the streams, by type."""
        total: dict[str, int] = {}
        for stream in self.streams:
            for kind, rows in stream.counts.items():
                total[kind] = total.get(kind, 0) + rows
        return dict(sorted(total.items()))

    @property
    def paths(self) -> tuple[Path, ...]:
        """Return the manifests written."""
        return tuple(stream.folder / manifest.NAME for stream in self.streams if stream.published)

    def __str__(self) -> str:
        if not self.published:
            return "nothing new: nothing written"
        written = sum(stream.published for stream in self.streams)
        return f"{sum(self.counts.values())} rows added, {written} streams published"


def account_folder(account_id: str) -> str:
    """Return the folder name of an account: its id if harmless as a name, else a hash of it.

    A hash has an underscore and a plain name has none, so the two never meet; an id that
    is an e-mail address never becomes the name of a folder.

    Raises:
        SettingsError: the id is empty.
    """
    if not account_id:
        raise SettingsError("an account has no id", next_step="give each lead its account")
    if _SAFE.fullmatch(account_id):
        return account_id
    return f"h_{hashlib.sha256(account_id.encode()).hexdigest()[:32]}"


def forget_account(folder: Path, account_id: str) -> bool:
    """Remove all that was published of an account; return whether there was anything.

    The manifest goes first: a removal cut short leaves nothing a consumer would read.

    Args:
        folder: the ``exports`` folder.
        account_id: the tenant.
    """
    target = folder / "accounts" / account_folder(account_id)
    if not target.exists():
        return False
    (target / manifest.NAME).unlink(missing_ok=True)
    shutil.rmtree(target)
    return True


def export(
    log: SignalLog,
    folder: Path,
    *,
    matches: pl.DataFrame,
    sources: pl.DataFrame,
    source_status: pl.DataFrame,
    clock: Clock,
    run_id: str,
) -> ExportReport:
    """Publish what is new, for each account and for the company stream.

    Args:
        log: the company log.
        folder: the ``exports`` folder; streams live in ``company/`` and ``accounts/<account>/``.
        matches: every match of every account, at least :data:`MATCH_SCHEMA`.
        sources: description of every version used (:data:`attribution.SOURCE_SCHEMA`).
        source_status: state of each source, passed on as it is.
        clock: instant of publication.
        run_id: name of the run, kept in the rows of accounts.

    Raises:
        LicenceError: a source is not described, or not openly licensed.
        SettingsError: a match without account, or matches without their columns.
    """
    _require(matches, MATCH_SCHEMA, "matches")
    _require(sources, attribution.SOURCE_SCHEMA, "sources")
    target = folder / "company"
    published = manifest.read(target)
    common = _Common(sources, source_status, signal_types(d for d in registry().values()), clock)
    company = log.rows()
    filled = attribution.enriched(company, sources)
    reports = [
        _account(folder, account, filled, matches, published.max_sequence, common, run_id)
        for account in _accounts(folder, matches)
    ]
    new = filled.filter(pl.col("sequence") > published.max_sequence)
    erased = _erased(company)
    reports.append(publish(Target(target, COMPANY_SOURCE, None), common.content(new, None), erased))
    return ExportReport(tuple(reports))


@dataclass(frozen=True)
class _Common:
    """What every stream of one export shares."""

    sources: pl.DataFrame
    source_status: pl.DataFrame
    types: pl.DataFrame
    clock: Clock

    def content(self, new: pl.DataFrame, matches: pl.DataFrame | None) -> Content:
        return Content(
            new=new,
            matches=matches,
            sources=self.sources,
            source_status=self.source_status,
            types=self.types,
            now=self.clock.now(),
        )


def _account(
    folder: Path,
    account_id: str,
    company: pl.DataFrame,
    matches: pl.DataFrame,
    company_sequence: str,
    common: _Common,
    run_id: str,
) -> StreamReport:
    target = Target(
        folder / "accounts" / account_folder(account_id), account_source(account_id), account_id
    )
    own = matches.filter(pl.col("account_id") == account_id).sort("lead_id", "match_id")
    published = manifest.read(target.folder)
    before = Before(
        rows=read_segments(target.folder, published.segments),
        leads=_leads_before(target.folder, published),
        company_sequence=company_sequence,
    )
    new = account_rows(company, own, before, now=common.clock.now(), run_id=run_id)
    return publish(target, common.content(new, own), _erased(company))


def _leads_before(folder: Path, published: manifest.Published) -> frozenset[str]:
    path = published.path_of("matches.parquet")
    if path is None:
        return frozenset()
    return frozenset(pl.read_parquet(folder / path, columns=["lead_id"])["lead_id"].to_list())


def _erased(company: pl.DataFrame) -> list[str]:
    return company.filter(pl.col("op") == "ERASE")["correlationid"].unique().sort().to_list()


def _accounts(folder: Path, matches: pl.DataFrame) -> Iterable[str]:
    """Return the accounts that have leads, or had some when last published."""
    if matches["account_id"].null_count():
        raise SettingsError("a match has no account", next_step="give each lead its account")
    before = (
        manifest.read(path.parent).account_id
        for path in (folder / "accounts").glob(f"*/{manifest.NAME}")
    )
    return sorted({*matches["account_id"].to_list(), *(name for name in before if name)})


def _require(frame: pl.DataFrame, schema: pl.Schema, name: str) -> None:
    missing = sorted(set(schema) - set(frame.columns))
    if missing:
        raise SettingsError(
            f"the {name} given to the export lack {missing}",
            next_step="give a frame with these columns",
        )
