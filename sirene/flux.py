"""The register between two stocks: the stock, and what INSEE treated since on top of it.

Belongs here: the state that both make, what the flux changes, whose diffusion status it turns.
Does not belong here: fetching and storing (``opendata/overlay.py``), what a difference means
(``changes.py``), what the next stock says of the flux (``reconciliation.py``).

A flux row is the whole record as it stands after its last treatment: it replaces the stock's row.
Touched is not changed (dateDernierTraitement dates the treatment), so that changes are found by
the comparison that finds them between two stocks, on the units that the flux touches alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from opendata.overlay import latest
from opendata.row_hashes import Pair
from sirene.changes import SCHEMA, compare
from sirene.differing import differing, of_units
from sirene.policy import policy
from sirene.registry import LINK, SITE, UNIT, Registry

TREATED = "date_dernier_traitement"
KEYS: Mapping[str, tuple[str, ...]] = {
    "legal_units": ("siren",),
    "establishments": ("siret",),
    "successions": ("siret_predecesseur", "siret_successeur", "date_lien"),
}
_COLUMNS = {"legal_units": UNIT, "establishments": SITE, "successions": LINK}
#: Columns of the flips; ``siret`` is null where the status is that of the unit.
FLIPS: dict[str, pl.DataType] = {
    "siren": pl.String(),
    "siret": pl.String(),
    "before": pl.String(),
    "after": pl.String(),
    "observed_at": pl.Date(),
}


@dataclass(frozen=True)
class State:
    """One state of the register.

    Attributes:
        stock: the tables of a stock.
        flux: what was treated after it; ``None`` if nothing was asked.
        stock_id: names the stock, so that two states of the same one are known as such.
    """

    stock: Registry
    flux: Registry | None
    stock_id: str

    @property
    def registry(self) -> Registry:
        """Return the state as one register; nothing is read yet."""
        return self.stock if self.flux is None else apply(self.stock, self.flux)


def state(tables: Mapping[str, pl.LazyFrame]) -> State:
    """Return the state that ``sirene__…`` and, if there are any, ``sirene_flux__…`` tables make."""
    over = "sirene_flux__legal_units" in tables
    stock = _registry(tables, "sirene")
    first = stock.legal_units.select("source_id").head(1).collect()
    return State(
        stock,
        _registry(tables, "sirene_flux") if over else None,
        str(first.item()) if first.height else "",
    )


def _registry(tables: Mapping[str, pl.LazyFrame], dataset: str) -> Registry:
    return Registry(**{name: tables[f"{dataset}__{name}"] for name in KEYS})


def apply(stock: Registry, flux: Registry) -> Registry:
    """Return the register after the flux, lazily: the stock's rows stay where they are.

    Args:
        stock: the tables of a stock.
        flux: the last state of each record that was treated since; keys are unique.
    """
    return Registry(
        **{name: latest(getattr(stock, name), getattr(flux, name), KEYS[name]) for name in KEYS}
    )


def changes(
    previous: State | None,
    current: State,
    *,
    observed_at: date,
    hashes: Mapping[str, Pair] | None = None,
) -> pl.LazyFrame:
    """Return the typed changes from one state to the next; see :func:`sirene.changes.compare`.

    Between two states of the same stock only the units that the flux touched are compared, and
    those linked to them; between two stocks those whose hashes differ and those that a flux
    touched, where there are hashes. The rows are those of the full comparison.

    Args:
        previous: the earlier state; None for the first one, which changes nothing.
        current: the later state.
        observed_at: date of the later state.
        hashes: key and hash of the rows of both stocks, by part of ``Registry``.
    """
    if previous is None:
        return pl.LazyFrame(schema=SCHEMA)
    if previous.stock_id != current.stock_id or not current.stock_id:
        fluxes = [one.flux for one in (previous, current) if one.flux is not None]
        among = differing(hashes or {}, fluxes)
        return compare(previous.registry, current.registry, observed_at=observed_at, among=among)
    touched = _touched(previous.flux, current.flux)
    if touched.is_empty():
        return pl.LazyFrame(schema=SCHEMA)
    before, after = _around(previous, current, touched, observed_at)
    return compare(before, after, observed_at=observed_at)


def _touched(previous: Registry | None, current: Registry | None) -> pl.Series:
    """Return the SIREN numbers of which one flux says something that the other does not."""
    found = [pl.Series("siren", [], dtype=pl.String)]
    for name, key in KEYS.items():
        told = [
            getattr(flux, name).select(*key, TREATED, pl.concat_list(_owners(name)).alias("owner"))
            for flux in (previous, current)
            if flux is not None
        ]
        for at, one in enumerate(told):
            rows = one
            for other in told[:at] + told[at + 1 :]:
                rows = rows.join(other, on=[*key, TREATED], how="anti", nulls_equal=True)
            found.append(rows.select(pl.col("owner").explode()).collect().to_series())
    return pl.concat(found).unique().sort()


def _owners(name: str) -> list[pl.Expr]:
    """Return the SIREN numbers that a record is about."""
    columns = KEYS[name][:2] if name == "successions" else KEYS[name][:1]
    return [pl.col(column).str.slice(0, 9).alias(f"of_{column}") for column in columns]


def _around(
    previous: State, current: State, touched: pl.Series, observed_at: date
) -> tuple[Registry, Registry]:
    """Return both states cut down to the touched units and those that recent links tie to them."""
    since = observed_at - timedelta(days=policy().limits.link_days)
    links = _links(current.stock, touched, since)
    flux = [one.flux for one in (previous, current) if one.flux is not None]
    tied = [links, *(one.successions.select(LINK).collect() for one in flux)]
    ends = [
        frame[end].str.slice(0, 9).rename("siren")
        for frame in tied
        for end in ("siret_predecesseur", "siret_successeur")
    ]
    sirens = pl.concat([touched.rename("siren"), *ends]).unique()
    stock = Registry(
        legal_units=of_units(current.stock.legal_units.select(UNIT), sirens),
        establishments=of_units(current.stock.establishments.select(SITE), sirens),
        successions=links.lazy(),
    )
    return _cut(stock, previous.flux), _cut(stock, current.flux)


def _links(stock: Registry, touched: pl.Series, since: date) -> pl.DataFrame:
    """Return the recent links of the stock of which one end is touched."""
    wanted = touched.implode()
    ends = ("siret_predecesseur", "siret_successeur")
    owned = pl.any_horizontal(pl.col(end).str.slice(0, 9).is_in(wanted) for end in ends)
    recent = stock.successions.select(LINK).filter(pl.col("date_lien") >= since)
    return recent.collect(engine="streaming").filter(owned)


def _cut(stock: Registry, flux: Registry | None) -> Registry:
    if flux is None:
        return stock
    read = {
        name: getattr(flux, name).select(columns).collect().lazy()
        for name, columns in _COLUMNS.items()
    }
    return apply(stock, Registry(**read))


def flips(previous: State, current: State, *, observed_at: date) -> pl.DataFrame:
    """Return whose diffusion status the flux turned, in columns ``FLIPS``, sorted by number.

    O→P is an opposition: every copy of the person has to go within the run. P→O ends it: what
    was masked comes back from the register only.
    """
    found = []
    for name in ("legal_units", "establishments"):
        if current.flux is None:
            break
        key = KEYS[name][0]
        status = pl.col("statut_diffusion")
        wanted = dict.fromkeys((key, "siren"))
        now = getattr(current.flux, name).select(*wanted, status.alias("after")).collect()
        before = (
            getattr(previous.registry, name)
            .select(key, status.alias("before"))
            .join(now.lazy().select(key), on=key, how="semi")
            .collect(engine="streaming")
        )
        siret = pl.col("siret") if name == "establishments" else pl.lit(None, dtype=pl.String)
        found.append(
            now.join(before, on=key)
            .filter(pl.col("before") != pl.col("after"))
            .select("siren", siret.alias("siret"), "before", "after")
        )
    rows = pl.concat(found) if found else pl.DataFrame(schema=FLIPS).drop("observed_at")
    return rows.with_columns(pl.lit(observed_at).alias("observed_at")).sort(
        "siren", "siret", nulls_last=False
    )
