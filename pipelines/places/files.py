"""The publishers' own bytes, the index of the registry, and what killed runs left.

Belongs here: which of these files hold somebody, and removing them. A raw file goes as a
whole: its receipt stays, with the hash, and says what was received.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from assets import discovery
from assets.workspace import Workspace
from leads.privacy.facts import Facts
from leads.privacy.receipts import PlaceReport
from opendata.errors import ArchiveError
from opendata.folder_format import ASIDES
from opendata.numbers_in_files import numbers_in
from opendata.receipt import load_receipt
from pipelines.places import Place
from sirene.diffusion import REGISTER


@dataclass(frozen=True)
class Raw:
    """Raw files, kept as receipt and hash once they hold somebody who must not be shown."""

    workspace: Workspace
    name: str = "raw"
    order: int = 30
    follows: bool = False

    def find(self, facts: Facts) -> PlaceReport:
        """Return the files that hold somebody."""
        return PlaceReport(place=self.name, files=len(self._holding(facts)))

    def erase(self, facts: Facts) -> PlaceReport:
        """Remove those files; receipts stay."""
        found = self._holding(facts)
        for path in found:
            path.unlink()
        return PlaceReport(place=self.name, files=len(found))

    def _holding(self, facts: Facts) -> list[Path]:
        if not facts.hidden_units and not facts.natural_sites:
            return []
        found = []
        cited = self._cited_since()
        for note in sorted((self.workspace.data_dir / "raw").glob("*/*/*/*.receipt.json")):
            receipt = load_receipt(note)
            raw = receipt.path(self.workspace.data_dir)
            if not raw.is_file():
                continue
            hidden = [*facts.natural.values(), *facts.natural_sites.values()]
            # A stock of tens of millions is not searched: all that precedes a mask goes. A
            # file that did not change since is as its publisher shows it after the mask.
            shown = max(cited.get(note, date.min), receipt.publisher_date)
            older = receipt.dataset in _register() and any(shown < since for since in hidden)
            if older or self._names(raw, receipt.dataset, facts):
                found.append(raw)
        return found

    def _cited_since(self) -> dict[Path, date]:
        """Return receipt → date of the latest version made from it."""
        store = self.workspace.store
        found: dict[Path, date] = {}
        for name in store.datasets():
            for version in store.state(name).versions:
                for one in version.inputs:
                    path = store.data_dir / one.receipt
                    found[path] = max(found.get(path, date.min), version.publisher_date)
        return found

    def _names(self, raw: Path, dataset: str, facts: Facts) -> bool:
        wanted = set(facts.persons)
        if dataset not in _register():
            wanted |= set(facts.natural)
        if not wanted:
            return False
        keys = self.workspace.suppressions.keys()
        try:
            for numbers in numbers_in(raw):
                hashed = pl.select(keys.units(pl.lit(numbers))).to_series()
                if not wanted.isdisjoint(hashed.to_list()):
                    return True
        except ArchiveError:
            # Nobody can say who stands in a file that does not open.
            return True
        return False


def _register() -> set[str]:
    """Return the register and what its publisher says of it between two states."""
    return {
        name
        for name, dataset in discovery.catalogue().items()
        if name == REGISTER
        or (dataset.overlays is not None and dataset.overlays.dataset == REGISTER)
    }


@dataclass(frozen=True)
class Index:
    """The index of the registry that matching reads; the next matching builds it again."""

    workspace: Workspace
    name: str = "index"
    order: int = 40
    follows: bool = False

    def find(self, facts: Facts) -> PlaceReport:
        """Return the indexes that hold somebody."""
        return PlaceReport(place=self.name, files=len(self._holding(facts)))

    def erase(self, facts: Facts) -> PlaceReport:
        """Remove those indexes."""
        found = self._holding(facts)
        for folder in found:
            shutil.rmtree(folder)
        return PlaceReport(place=self.name, files=len(found))

    def _holding(self, facts: Facts) -> list[Path]:
        if not facts.of_units:
            return []
        folders = [one for one in (self.workspace.data_dir / "index").glob("*") if one.is_dir()]
        return [one for one in sorted(folders) if self._holds(one, facts)]

    def _holds(self, folder: Path, facts: Facts) -> bool:
        units, sites = folder / "units.parquet", folder / "establishments.parquet"
        if not (units.is_file() and sites.is_file()):
            return True
        keys = self.workspace.suppressions.keys()
        unit, site = keys.units(pl.col("siren")), keys.sites(pl.col("siret"))
        shown = pl.col("statut_diffusion") == "O"
        hidden = {*facts.natural, *facts.legal}
        hidden_sites = {*facts.natural_sites, *facts.legal_sites}
        return (
            _some(units, unit, facts.persons)
            or _some(units, unit, hidden, shown)
            or _some(sites, site, hidden_sites, shown)
        )


def _some(path: Path, hashed: pl.Expr, tags: Collection[int], when: pl.Expr | None = None) -> bool:
    """Return whether a row, of those ``when`` tells, names one of ``tags``."""
    if not tags:
        return False
    wanted = pl.Series(sorted(tags), dtype=pl.UInt64).implode()
    rows = pl.scan_parquet(path, glob=False)
    if when is not None:
        rows = rows.filter(when)
    found = rows.select(hashed.is_in(wanted).any()).collect(engine="streaming")
    return bool(found.item())


@dataclass(frozen=True)
class Work:
    """Temporary files: the lock is held, so that whatever is there a killed run left."""

    workspace: Workspace
    name: str = "temporary files"
    order: int = 50
    follows: bool = False

    def find(self, facts: Facts) -> PlaceReport:
        """Return the files left, whoever they are about."""
        return PlaceReport(place=self.name, files=len(self._left()) if facts else 0)

    def erase(self, facts: Facts) -> PlaceReport:
        """Remove them."""
        found = self._left() if facts else []
        for path in found:
            path.unlink(missing_ok=True)
        return PlaceReport(place=self.name, files=len(found))

    def _left(self) -> list[Path]:
        data_dir = self.workspace.data_dir
        inside = (path for path in self.workspace.work.rglob("*") if path.is_file())
        parts = (path for path in data_dir.rglob(".*.part") if path.is_file())
        partial = (path for path in data_dir.glob("raw/*/*/.partial*/*") if path.is_file())
        # A restore that got as far as replacing files lets no command come here.
        asides = (data_dir / name for name in ASIDES)
        restored = (path for folder in asides for path in folder.rglob("*") if path.is_file())
        return sorted({*inside, *parts, *partial, *restored})


def places(workspace: Workspace) -> Sequence[Place]:
    """Return the places of this module."""
    return (Raw(workspace), Index(workspace), Work(workspace))
