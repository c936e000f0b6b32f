"""Publishing signals, against writing and hashing the same bytes and nothing more.

The log holds synthetic sales of businesses: ids are hashes and no two rows are alike, so
that the files compress as real ones do. The floor takes the frames that the publication
stores (the segment and the snapshot), writes them as Parquet with the same compression
and hashes the files: no contract, no licences, no order, no durability. Rounds are
interleaved, so that a busy machine slows both alike; what counts there is the work, the time
of all processors together.

Usage: ``python -m benchmarks.feed [--signals N] [--rounds N]``
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl

from opendata.clock import Clock
from opendata.files import digest
from signals.contract import CANDIDATE_SCHEMA, EVIDENCE_TYPE
from signals.feed import manifest
from signals.feed.attribution import SOURCE_SCHEMA
from signals.feed.export import MATCH_SCHEMA, export
from signals.identity import hashed
from signals.log import SignalLog
from signals.segments import COMPRESSION_LEVEL, read_segments

DAY = date(2026, 2, 2)
SOURCE = {
    "source_id": "bodacc@2026-02-01-0123456789ab",
    "dataset": "bodacc",
    "title": "Annonces commerciales",
    "publisher": "DILA",
    "publisher_url": "https://www.dila.premier-ministre.gouv.fr",
    "landing_page": "https://www.data.gouv.fr/datasets/bodacc",
    "licence_id": "lov2",
    "licence_title": "Licence Ouverte 2.0",
    "licence_url": "https://www.etalab.gouv.fr/licence-ouverte-open-licence",
    "publication_date": DAY,
    "fetched_at": datetime(2026, 2, 2, 6, tzinfo=UTC),
    "attribution": "Source : DILA, Annonces commerciales, mise à jour du 02/02/2026.",
}
STATUS = pl.DataFrame({"dataset": ["bodacc"], "state": ["OK"]})


def candidates(count: int, first: int = 0) -> pl.DataFrame:
    """Return ``count`` synthetic sales, each of another company."""
    now = Clock.at(DAY).now()
    number = pl.int_range(first, first + count, dtype=pl.Int64)
    rows = pl.select(_n=number).with_columns(
        siren=(pl.lit(100_000_000) + pl.col("_n") * 7919 % 800_000_000).cast(pl.String),
        _notice=pl.format("B2026{}", pl.col("_n").cast(pl.String).str.zfill(7)),
    )
    rows = rows.with_columns(_key=hashed(["siren", "_notice"]))
    record = {
        **dict.fromkeys((field.name for field in EVIDENCE_TYPE.fields), None),  # type: ignore[attr-defined]
        "dataset_id": "bodacc",
        "source_id": SOURCE["source_id"],
        "record_key": pl.col("_notice"),
        "url": pl.format(
            "https://www.bodacc.fr/pages/annonces-commerciales-detail/?q={}", "_notice"
        ),
        "publication_date": DAY,
        "confidence": 0.95,
    }
    evidence = pl.struct(
        **{
            name: value if isinstance(value, pl.Expr) else pl.lit(value)
            for name, value in record.items()
        }
    ).cast(EVIDENCE_TYPE)
    price = (pl.col("_n") * 104_729 % 900_000 + 10_000).cast(pl.String)
    values: dict[str, pl.Expr] = {
        "specversion": pl.lit("1.0"),
        "id": pl.col("_key"),
        "signalid": pl.col("_key"),
        "correlationid": pl.col("_key"),
        "type": pl.lit("fr.company_signals.transaction.business_acquired.v1"),
        "subject": pl.format("siren:{}", "siren"),
        "time": pl.lit(DAY) - pl.duration(days=pl.col("_n") % 60),
        "timeprecision": pl.lit("day"),
        "recordedtime": pl.lit(now),
        "nature": pl.lit("fact"),
        "title_fr": pl.format("Achat d'un fonds de commerce pour {} euros", price),
        "title_en": pl.format("Bought a business for {} euros", price),
        "after": pl.concat_str(pl.lit('{"price_eur": '), price, pl.lit("}")),
        "confidence": pl.lit(0.95),
        "score": (pl.col("_n") % 1000) / 10,
        "score_breakdown": pl.lit('{"base": 60, "freshness": 0.9}'),
        "half_life_days": pl.lit(45, dtype=pl.Int64),
        "expirytime": pl.lit(now + timedelta(days=90)),
        "company_name": pl.format("SOCIETE {}", pl.col("_key").str.slice(0, 8)),
        "departement": (pl.col("_n") % 95 + 1).cast(pl.String).str.zfill(2),
        "is_baseline": pl.lit(False),
        "is_mass_operation": pl.lit(False),
        "evidence": pl.concat_list(evidence),
        "dataclassification": pl.lit("company"),
        "prospecting_allowed": pl.lit(True),
        "run_id": pl.lit("bench"),
        "rule_version": pl.lit("1"),
        "schema_version": pl.lit("1.0"),
        "amends_only": pl.lit(False),
        "source": pl.lit("bench"),
        "sequence": pl.lit("0" * 20),
        "op": pl.lit("ASSERT"),
    }
    made = rows.with_columns(**values)
    nothing = [
        pl.lit(None, dtype=kind).alias(name)
        for name, kind in CANDIDATE_SCHEMA.items()
        if name not in made.columns
    ]
    return made.with_columns(nothing).select(
        pl.col(name).cast(kind) for name, kind in CANDIDATE_SCHEMA.items()
    )


def publish(log: SignalLog, out: Path) -> None:
    """Publish the company stream."""
    export(
        log,
        out,
        matches=MATCH_SCHEMA.to_frame(),
        sources=pl.DataFrame([SOURCE], schema=SOURCE_SCHEMA),
        source_status=STATUS,
        clock=Clock.at(DAY),
        run_id="bench",
    )


def floor(frames: list[pl.DataFrame], out: Path) -> None:
    """Write and hash the same rows, as fast as the same library does."""
    out.mkdir()
    for number, frame in enumerate(frames):
        path = out / f"{number}.parquet"
        frame.write_parquet(path, compression="zstd", compression_level=COMPRESSION_LEVEL)
        digest(path)


def timed(action: Callable[[], None]) -> tuple[float, float]:
    """Return the seconds that ``action`` takes: of the clock, and of all processors together."""
    started, worked = time.perf_counter(), time.process_time()
    action()
    return time.perf_counter() - started, time.process_time() - worked


def frames_of(folder: Path) -> list[pl.DataFrame]:
    """Return the rows of the segments and of the snapshot of a stream."""
    published = manifest.read(folder)
    snapshot = folder / str(published.path_of("signals_current.parquet"))
    return [read_segments(folder, published.segments), pl.read_parquet(snapshot)]


def main() -> None:
    """Print both times of each round and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--signals", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        log = SignalLog(base / "log")
        log.append(candidates(options.signals), {"bodacc": "1"})
        ours, bare = [], []
        for _ in range(options.rounds):
            shutil.rmtree(base / "out", ignore_errors=True)
            shutil.rmtree(base / "floor", ignore_errors=True)
            ours.append(timed(lambda: publish(log, base / "out")))
            frames = frames_of(base / "out" / "company")
            bare.append(timed(lambda rows=frames: floor(rows, base / "floor")))  # type: ignore[misc]
            print(
                f"publish {ours[-1][0]:.2f} s (work {ours[-1][1]:.2f} s), "
                f"bare write and hash {bare[-1][0]:.2f} s (work {bare[-1][1]:.2f} s)"
            )
        clock, work = (
            statistics.median(one[kind] for one in ours)
            / statistics.median(one[kind] for one in bare)
            for kind in (0, 1)
        )
        again, _ = timed(lambda: publish(log, base / "out"))
        log.append(candidates(1_000, options.signals), {"bodacc": "2"})
        more, _ = timed(lambda: publish(log, base / "out"))
    print(
        f"{options.signals:,} synthetic signals, median of {options.rounds}: "
        f"{clock:.2f} x the floor by the clock, {work:.2f} x in work"
    )
    print(f"again, nothing new: {again:.2f} s; with 1,000 more: {more:.2f} s")


if __name__ == "__main__":
    main()
