"""Work that several processes do a share of: what they are given and what they leave.

Belongs here: the folder of one such work, with its plan and its parts. Does not belong here:
what is planned (``lead_matching_shares``, ``detection_shares``), the steps in Dagster
(``divided``).

A process reads what the plan gave to its share and writes one file of its own. Nothing is
written by two, and only the first and the last step write anything that lasts.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from assets.workspace import Workspace
from opendata import files, parquet
from opendata.errors import StateError
from opendata.shares import Share
from opendata.warehouse import Warehouse

AGAIN = "run it again from its first step"


@dataclass(frozen=True)
class Parts:
    """The folder of one work that is done in shares.

    Attributes:
        workspace: where it is.
        name: of the work; its folder is below ``tmp/``, which no backup takes.
    """

    workspace: Workspace
    name: str

    @property
    def folder(self) -> Path:
        """Return the folder of the plan and of the parts."""
        return self.workspace.work / "parts" / self.name

    def begin(self) -> None:
        """Empty the folder: what a work that was cut short left in it is of no use."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def planned(self, plan: Mapping[str, Any]) -> None:
        """Leave the plan, last: without it there is nothing to do a share of."""
        files.write_json(self._plan, {**plan, "of": self.workspace.shares}, point="parts-plan")

    def plan(self) -> dict[str, Any]:
        """Return the plan.

        Raises:
            StateError: there is none, or it is for another number of shares.
        """
        if not self._plan.exists():
            raise StateError(f"{self.name} was not planned", next_step=AGAIN)
        plan: dict[str, Any] = json.loads(self._plan.read_bytes())
        if plan["of"] != self.workspace.shares:
            raise StateError(
                f"{self.name} was planned for {plan['of']} shares, not {self.workspace.shares}",
                next_step=AGAIN,
            )
        return plan

    def end(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def shares(self) -> list[Share]:
        """Return all shares of the work."""
        of = self.workspace.shares
        return [Share(number, of) for number in range(1, of + 1)]

    def write(self, name: str, rows: pl.DataFrame) -> None:
        """Leave rows that name nobody."""
        parquet.sink(rows.lazy(), self._path(name), point="parts")

    def read(self, name: str) -> pl.DataFrame:
        """Return rows that were left.

        Raises:
            StateError: nobody left them.
        """
        return pl.read_parquet(self._there(name), glob=False)

    def seal(self, name: str, rows: pl.DataFrame) -> None:
        """Leave rows about leads, encrypted under the key of the leads."""
        with (
            Warehouse.sealing(self.workspace.lead_key, temporary=self.workspace.work) as sealing,
            files.atomic_file(self._path(name), point="parts") as temporary,
        ):
            sealing.seal(rows, temporary)

    def unseal(self, name: str) -> pl.DataFrame:
        """Return rows about leads that were left.

        Raises:
            StateError: nobody left them, or under another key.
        """
        path = self._there(name)
        with Warehouse.sealing(self.workspace.lead_key, temporary=self.workspace.work) as sealing:
            return sealing.sealed(path)

    @property
    def _plan(self) -> Path:
        return self.folder / "plan.json"

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.parquet"

    def _there(self, name: str) -> Path:
        path = self._path(name)
        if not path.exists():
            raise StateError(f"{self.name}: a share was not done", next_step=AGAIN, file=path.name)
        return path
