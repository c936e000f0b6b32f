"""Leads as a sales team would type them, and the truth about them.

Belongs here: the choice among real typed names of open data (Licence Ouverte sets only) and the
shape of the leads file. The SIREN is left out of the leads that must be matched by name; it is
given for those of other sources, as an account that knows its customers would.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from safety import all_clean, has_legal_form, looks_like_person, siren_ok, siret_ok
from selection import rank

COLUMNS = (
    "lead_id",
    "account_id",
    "company_name",
    "siren",
    "siret",
    "address",
    "postcode",
    "city",
    "department",
    "website",
    "country",
)
#: Sets under Licence Ouverte; the others are not bundled.
SETS = frozenset(
    {
        "alimconfiance_dgal",
        "egapro_index",
        "egapro_index_ues",
        "irep_georisques",
        "decp_titulaires",
        "dgal_eggs",
        "bodacc_rcs_a_2021",
        "bodacc_pcl_2008",
    }
)
BUILDING = frozenset({"decp_titulaires", "bodacc_pcl_2008"})
#: Typed ways of writing the same company that are kept.
SPELLINGS = 2
#: Leads that give the SIREN, by the source that will speak of them.
GIVEN = {"bodacc_moves": 40, "bodacc_2021": 30, "bodacc_2008": 50, "decp": 50, "egapro": 45}
#: Leads giving a SIREN whose names begin alike (one group declared dozens of vehicles in a day).
ALIKE = 4


def typed(path: Path) -> list[dict[str, Any]]:
    """Return the typed rows that may be bundled, in a stable order."""
    table = pl.read_parquet(path).filter(pl.col("set").is_in(sorted(SETS))).sort("row_id")
    fields = [name for name in table.columns if name.startswith("typed_")]
    table = table.with_columns(
        pl.col(fields).str.replace_all(r"[\s\x{FFFD}]+", " ").str.strip_chars()
    )
    return [
        row
        for row in table.iter_rows(named=True)
        if row["typed_name"]
        and siren_ok(row["true_siren"])
        and all_clean(row[name] for name in fields)
        and not looks_like_person(row["typed_name"])
    ]


def choose(
    rows: Sequence[Mapping[str, Any]],
    units: Collection[str],
    sources: Mapping[str, Collection[str]],
) -> list[tuple[Mapping[str, Any], bool]]:
    """Return the rows taken, each with whether it gives its SIREN.

    Args:
        rows: see :func:`typed`.
        units: SIRENs bundled from SIRENE.
        sources: name in :data:`GIVEN` → SIRENs of legal persons bundled from it.
    """
    chosen: list[tuple[Mapping[str, Any], bool]] = []
    spellings: Counter[str] = Counter()
    names: set[tuple[str, str]] = set()
    for row in sorted(rows, key=lambda row: rank(f"{row['true_siren']} {row['row_id']}")):
        siren, name = row["true_siren"], row["typed_name"].casefold()
        if siren in units and spellings[siren] < SPELLINGS and (siren, name) not in names:
            spellings[siren] += 1
            names.add((siren, name))
            chosen.append((row, False))
    used = set(spellings)
    first_words: Counter[str] = Counter()
    for source, limit in GIVEN.items():
        left = limit
        for row in sorted(rows, key=lambda row: rank(f"given {row['true_siren']} {row['row_id']}")):
            siren, word = row["true_siren"], row["typed_name"].casefold().split()[0]
            alike = first_words[word] >= ALIKE and not has_legal_form(word)
            if left and siren in sources[source] and siren not in used and not alike:
                used.add(siren)
                first_words[word] += 1
                chosen.append((row, True))
                left -= 1
    return chosen


def write(chosen: Sequence[tuple[Mapping[str, Any], bool]]) -> dict[str, bytes]:
    """Return the leads file and the truth, by path below the sample."""
    leads, truth = [], []
    ordered = sorted(chosen, key=lambda pair: rank(f"lead {pair[0]['row_id']}"))
    for number, (row, given) in enumerate(ordered, start=1):
        lead = f"L-{number:06d}"
        siret = row["true_siret"] if given and siret_ok(row["true_siret"] or "") else ""
        leads.append(
            (
                lead,
                "demo-btp" if row["set"] in BUILDING else "demo-services",
                row["typed_name"],
                row["true_siren"] if given else "",
                siret if number % 3 == 0 else "",
                row["typed_address"] or "",
                row["typed_postcode"] or "",
                row["typed_city"] or "",
                row["typed_department"] or "",
                "",
                "FR",
            )
        )
        truth.append((lead, row["true_siren"], row["set"]))
    return {
        "leads.csv": _csv(COLUMNS, leads),
        "expected/leads_truth.csv": _csv(("lead_id", "true_siren", "set"), truth),
    }


def _csv(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode()
