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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import polars as pl

from opendata.clock import Clock
from opendata.errors import SettingsError
from signals.contract import SIGNAL_SCHEMA
from signals.feed import attribution, history, manifest
from signals.feed.common import Common, Forgotten
from signals.feed.current import snapshot
from signals.feed.customers import Customers
from signals.feed.publication import StreamReport, Target, publish
from signals.feed.registers import Registers
from signals.feed.streams import Before, Wish, account_rows, account_source
from signals.log import COMPANY_SOURCE, SignalLog
from signals.registry import registry, signal_types
from signals.weights import weights

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
    forgotten: Forgotten | None = None,
    customers: Customers | None = None,
    registers: Registers | None = None,
    window: timedelta | None = None,
    read: Mapping[str, str] | None = None,
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
        forgotten: tells the leads whose rows lose their values, in what was published too.
        customers: profiles of the accounts and what is known of companies.
        registers: what the registers say of companies, for the tables beside the log.
        window: rows older than that may leave the segments; ``None`` keeps all.
        read: stream → sequence up to which every consumer that reports has read: what comes
            after it may stay for longer.

    Raises:
        LicenceError: a source is not described, or not openly licensed.
        SettingsError: a match without account, or matches without their columns.
    """
    _require(matches, MATCH_SCHEMA, "matches")
    _require(sources, attribution.SOURCE_SCHEMA, "sources")
    target = folder / "company"
    published = manifest.read(target)
    types = signal_types(d for d in registry().values())
    # What is published for the first time is filled in before anything is written.
    new = attribution.enriched(log.rows(after=int(published.max_sequence)), sources)
    accounts = _accounts(folder, matches)
    # Only accounts look at what was said before: without any, it need not be read whole.
    known = log.current(None if accounts else ("correlationid", "op"))
    filled = attribution.enriched(known, sources) if accounts else SIGNAL_SCHEMA.to_frame()
    standing = snapshot(filled, clock.now())
    concerned = (customers or Customers()).of(standing, matches)
    common = Common(
        sources=sources,
        source_status=source_status,
        types=types,
        clock=clock,
        forgotten=forgotten,
        standing=standing,
        concerned=concerned,
        registers=registers or Registers(),
        window=window,
        read=read or {},
        erased=_erased(known),
        floor=log.state().floor,
    )
    reports = [
        _account(folder, account, filled, matches, published.max_sequence, common, run_id)
        for account in accounts
    ]
    stream = Target(target, COMPANY_SOURCE, None)
    content = common.content(COMPANY_SOURCE, new, None, beside=common.registers.of_all())
    reports.append(publish(stream, content, common.erased))
    return ExportReport(tuple(reports))


def _account(
    folder: Path,
    account_id: str,
    company: pl.DataFrame,
    matches: pl.DataFrame,
    company_sequence: str,
    common: Common,
    run_id: str,
) -> StreamReport:
    target = Target(
        folder / "accounts" / account_folder(account_id), account_source(account_id), account_id
    )
    own = matches.filter(pl.col("account_id") == account_id).sort("lead_id", "match_id")
    published = manifest.read(target.folder)
    told = history.read(target.folder, published)
    gone = _forgotten(told.told, account_id, common.forgotten)
    before = Before(
        rows=told.told,
        leads=_leads_before(target.folder, published),
        company_sequence=company_sequence,
        forgotten=frozenset(gone),
        waiting=_waiting_before(target.folder, published),
    )
    rating = common.concerned.rating(account_id)
    wish = None if rating is None else Wish(rating, _silencing(common.types))
    gained = account_rows(company, own, before, now=common.clock.now(), run_id=run_id, wish=wish)
    beside = {"waiting": gained.waiting, **common.beside(account_id, rating)}
    beside |= common.registers.of_leads(own)
    erased = common.erased | pl.col("lead_id").is_in(gone).fill_null(False)
    content = common.content(target.source, gained.told, own, rating, beside)
    return publish(target, content, erased, told)


def _silencing(types: pl.DataFrame) -> frozenset[str]:
    """Return the signals that no cap holds back: what they silence must fall silent today."""
    rules = {rule.signal for rule in weights().suppressors}
    polar = types.filter(pl.col("polarity") == "suppressor")["code"].to_list()
    return frozenset({*rules, *polar})


def _waiting_before(folder: Path, published: manifest.Published) -> frozenset[str]:
    path = published.path_of("waiting.parquet")
    if path is None:
        return frozenset()
    return frozenset(pl.read_parquet(folder / path, columns=["signalid"])["signalid"].to_list())


def _forgotten(rows: pl.DataFrame, account_id: str, forgotten: Forgotten | None) -> list[str]:
    """Return the leads of a stream that must be forgotten."""
    leads = rows.select(account_id=pl.lit(account_id), lead_id="lead_id").drop_nulls().unique()
    if forgotten is None or leads.is_empty():
        return []
    return leads.filter(forgotten(leads))["lead_id"].sort().to_list()


def _leads_before(folder: Path, published: manifest.Published) -> frozenset[str]:
    path = published.path_of("matches.parquet")
    if path is None:
        return frozenset()
    return frozenset(pl.read_parquet(folder / path, columns=["lead_id"])["lead_id"].to_list())


def _erased(company: pl.DataFrame) -> pl.Expr:
    """Return which rows of a stream repeat a signal that the log has erased."""
    gone = company.filter(pl.col("op") == "ERASE")["correlationid"].unique().sort()
    return pl.col("correlationid").is_in(gone.to_list())


def _accounts(folder: Path, matches: pl.DataFrame) -> Sequence[str]:
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
