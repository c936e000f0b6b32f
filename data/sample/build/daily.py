"""The INSEE daily files of 2017, read once.

Belongs here: their layout (latin-1, ``;``, one row per movement of one establishment) and the
meaning of their movement codes. Does not belong here: today's format.

``VMAJ`` is the nature of the row: C creation, E suppression, I and F the state before and after a
modification, D entry into the public field (O, exit, never comes for a legal person here).
``EVE`` is the event: CS new company, CE extra site, CTS/CTE creation by transfer of the
head office or of a site, SU/SS end of the company, SE end of a site, STS/STE departure of a
transfer, MTAS/MTAE/MTDS/MTDE the ends of a transfer between existing sites, RS/RE reactivation,
RI refused registration, MS/ME/MU modification. ``SIRETPS`` is the other end of the event.
"""

from __future__ import annotations

import gzip
import io
from dataclasses import dataclass
from pathlib import Path

import polars as pl

#: I comes before F in one movement; a creation's view of the company is newer than that of the
#: suppression written at the same instant.
ORDER = {"I": 0, "E": 1, "D": 2, "C": 3, "F": 4}
#: The company itself ends with these.
UNIT_ENDS = frozenset({"SU", "SS", "RI"})
#: The event moves a head office.
HEAD_OFFICE_MOVES = frozenset({"CTS", "MTAS"})


@dataclass(frozen=True)
class Movement:
    """One row of a daily file."""

    values: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.values[column]

    @property
    def siren(self) -> str:
        """Return the company."""
        return self["SIREN"]

    @property
    def siret(self) -> str:
        """Return the establishment."""
        return self["SIREN"] + self["NIC"]

    @property
    def before(self) -> bool:
        """Tell whether the row shows the state before the movement."""
        return self["VMAJ"] == "I"


def read(folder: Path) -> list[Movement]:
    """Return every movement under ``folder``, in the order INSEE recorded them."""
    frames = []
    for path in sorted(folder.glob("sirene_*_personnes_morales.csv.gz")):
        text = gzip.decompress(path.read_bytes()).decode("latin-1")
        frames.append(pl.read_csv(io.StringIO(text), separator=";", infer_schema=False))
    table = pl.concat(frames).with_columns(pl.all().fill_null("").str.strip_chars())
    table = table.with_columns(order=pl.col("VMAJ").replace_strict(ORDER, return_dtype=pl.Int8))
    table = table.sort("DATEMAJ", "order", "SIREN", "NIC", maintain_order=True).drop("order")
    return [Movement(row) for row in table.iter_rows(named=True)]
