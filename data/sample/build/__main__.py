"""Build the sample from the folder of the originals.

Usage: ``python data/sample/build FOLDER`` where FOLDER holds ``events/sirene_daily_2017``,
``events/bodacc``, ``events/boamp``, ``events/decp``, ``events/sitadel``, ``events/egapro``, ``matching`` and ``sirene/schemas``. The same
originals give the same bytes. Belongs here: the order of the steps, and the counts written into
``README.md`` and ``counts.json``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

import boamp
import bodacc
import bodacc_2008
import bodacc_2021
import daily
import decp
import egapro
import report
import selection
import sirene_months
import sitadel
import states
import typed_leads

from opendata.files import write_bytes

SAMPLE = Path(__file__).resolve().parents[1]


def _parties(notices: Iterable[bodacc.Notice]) -> set[str]:
    return {form for notice in notices for form in notice["registre"] or [] if " " not in form}


def build(originals: Path) -> dict[str, bytes]:
    """Return path below the sample → content of every data file."""
    events = originals / "events"
    movements = daily.read(events / "sirene_daily_2017")
    companies = states.by_key(movements, "siren")
    contracts = decp.read(events / "decp" / "decp_2024H2_travaux_cpv4521_filtered.csv")
    index = egapro.read(events / "egapro" / "index-egalite-fh.csv")
    typed = typed_leads.typed(originals / "matching" / "labelled_leads.parquet")
    typed_sirens = {row["true_siren"] for row in typed}

    recent = bodacc_2021.read(events / "bodacc" / "rcs_a_20210108_pm.jsonl")
    old = bodacc_2008.read(events / "bodacc" / "pcl_2008_personnes_morales.jsonl", typed_sirens)
    registered = {siren for siren, rows in companies.items() if selection.admissible(rows)}
    legal = registered | _parties(recent) | _parties(old)
    legal |= decp.proven(contracts) | egapro.proven(index)

    files = decp.build(contracts, legal)
    winners = {
        row["titulaire_id"][:9] for row in contracts.iter_rows(named=True) if row["titulaire_id"]
    }
    elsewhere = typed_sirens | winners | set(index["SIREN"]) | _parties(recent)
    chosen, reasons = selection.choose(companies, elsewhere)
    files |= egapro.build(index, legal, set(chosen) | winners | _parties(recent))
    files |= sirene_months.build(movements, chosen, originals / "sirene" / "schemas")
    files["expected/sirene_events_2017.csv"] = sirene_months.expected_events(movements, chosen)
    for date in sorted({notice["dateparution"] for notice in recent + old}):
        of_the_day = [notice for notice in recent + old if notice["dateparution"] == date]
        files[f"bodacc/{date}.jsonl"] = bodacc.issue(of_the_day)

    files |= sitadel.build(sitadel.read(events / "sitadel"))
    files |= boamp.build(boamp.read(events / "boamp" / "boamp_geometre_20251126.json"))
    sources = {
        "bodacc_moves": _parties(one for one in recent if one["familleavis"] != "creation"),
        "bodacc_2021": _parties(recent),
        "bodacc_2008": _parties(old),
        "decp": report.column(files["decp/2025-01-06/decp.csv"], "titulaire_id", length=9),
        "egapro": report.column(files["egapro/2021-03-01/index-egalite-fh.csv"], "SIREN", ";"),
    }
    files |= typed_leads.write(typed_leads.choose(typed, set(chosen), sources))
    files["counts.json"] = report.counts(files, reasons)
    return files


def main() -> None:
    """Write the sample."""
    parser = argparse.ArgumentParser(description="Build the sample from the originals.")
    parser.add_argument("originals", type=Path, help="folder of the originals")
    files = build(parser.parse_args().originals)
    for path, content in sorted(files.items()):
        write_bytes(SAMPLE / path, content, point="sample")
    report.fill_in(SAMPLE / "README.md", files)


if __name__ == "__main__":
    main()
