"""The SIRENE vintages, six files each, and the events INSEE itself declared between them.

Belongs here: the assembly of states into files and of movements into expected events.
Does not belong here: the columns (``official.py``), the periods (``histories.py``) and the choice
(``selection.py``).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path

import histories
import official
import states
from daily import Movement
from safety import siret_ok

#: Date of publication; the vintage shows what was recorded before it.
VINTAGES = ("2017-01-01", "2017-02-01", "2017-05-01")
FILES = {
    "StockUniteLegale": "stock-stockunitelegale-csv.zip",
    "StockEtablissement": "stock-stocketablissement-csv.zip",
    "StockEtablissementLiensSuccession": "stock-stocketablissementlienssuccession-csv.zip",
    "StockUniteLegaleHistorique": "stock-stockunitelegalehistorique-csv.zip",
    "StockEtablissementHistorique": "stock-stocketablissementhistorique-csv.zip",
    "StockDoublons": "stock-stockdoublons-csv.zip",
}
EXPECTED = ("siren", "siret", "other_siret", "vintage", "vmaj", "eve", "date")


def _seen_in(row: Movement) -> str:
    """Return the first vintage that shows the movement."""
    return next(vintage for vintage in VINTAGES if row["DATEMAJ"] < vintage)


def _known_at_start(row: Movement) -> bool:
    """Tell whether a link belongs to the first vintage.

    The first vintage must hold links, as the real file does. Taken as already known are those that
    took effect before 2017 between sites that both existed then, though the files record them
    on 20 January.
    """
    return row["VMAJ"] == "F" and row["EVE"] in {"MS", "ME"} and row["DATEVE"] < "20170101"


def _links(movements: Sequence[Movement], vintage: str) -> list[dict[str, str]]:
    places = {row.siret: (row["APET700"], row["L4_NORMALISEE"] + row["COMET"]) for row in movements}
    found = {}
    for row in movements:
        if not siret_ok(row["SIRETPS"]) or row.before:
            continue
        recorded = row["DATEMAJ"] < vintage
        if recorded or (_known_at_start(row) and row["DATEMAJ"] < VINTAGES[1]):
            link = official.link_row(row, places, recorded)
            found[row["SIRETPS"], row.siret, row["DATEVE"]] = link
    return [found[key] for key in sorted(found)]


def build(
    movements: Sequence[Movement], chosen: Collection[str], schemas: Path
) -> dict[str, bytes]:
    """Return path below the sample → content for every file of the three vintages."""
    kept = [row for row in movements if row.siren in chosen]
    companies, sites = states.by_key(kept, "siren"), states.by_key(kept, "siret")
    files: dict[str, bytes] = {}
    for vintage in VINTAGES:
        units, places = [], []
        unit_history: list[dict[str, str]] = []
        site_history: list[dict[str, str]] = []
        offices: dict[str, str] = {}
        for siren in sorted(companies):
            state = states.unit(companies[siren], vintage)
            if state:
                offices[siren] = state.head_office
                units.append(official.unit_row(siren, state))
                unit_history += histories.periods(
                    companies[siren],
                    vintage,
                    states.unit,
                    partial(official.unit_row, siren),
                    histories.UNIT_FLAGS,
                )
        for siret in sorted(sites):
            state = states.establishment(sites[siret], vintage)
            if state and siret[:9] in offices:
                office = offices[siret[:9]]
                places.append(official.establishment_row(siret, state, office))
                site_history += histories.periods(
                    sites[siret],
                    vintage,
                    states.establishment,
                    partial(official.establishment_row, siret, head_office=office),
                    histories.SITE_FLAGS,
                )
        # No duplicate is known of 2017: the file has its header and no row.
        rows = (units, places, _links(kept, vintage), unit_history, site_history, [])
        for (name, archive), content in zip(FILES.items(), rows, strict=True):
            columns = official.header(schemas, name)
            packed = official.zipped_csv(columns, content, f"{name}_utf8.csv")
            files[f"sirene/{vintage}/{archive}"] = packed
    return files


def expected_events(movements: Sequence[Movement], chosen: Collection[str]) -> bytes:
    """Return INSEE's own events of the chosen companies, as CSV."""
    rows = []
    for row in movements:
        if row.siren in chosen and not row.before:
            vintage = _seen_in(row)
            if row["SIRETPS"] and vintage == VINTAGES[1] and _known_at_start(row):
                vintage = VINTAGES[0]
            other = row["SIRETPS"] if siret_ok(row["SIRETPS"]) else ""
            date = official.iso(row["DATEVE"])
            rows.append((row.siren, row.siret, other, vintage, row["VMAJ"], row["EVE"], date))
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(EXPECTED)
    writer.writerows(sorted(set(rows)))
    return text.getvalue().encode()
