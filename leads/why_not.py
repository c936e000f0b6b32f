"""Why a lead did not get an answer, or not the one expected.

Belongs here: what was looked for, what was found, and the one thing that stopped it. Does not
belong here: finding the lead (``pipelines.why_not``), deciding (``verdicts``).

What stops a lead has one code:

- ``no_candidate``: no name of the register was found for it;
- ``below_threshold``: a candidate was found and is too unlikely, or another is likelier;
- ``ambiguous``: several are about as likely;
- ``masked``: the unit opposed the use of its data;
- ``suppressed``: the lead may not be used: objection, erasure, restriction;
- ``out_of_registry``: the number is no number of the register, or the lead is foreign;
- ``source_gap``: no register is loaded;
- ``quarantined``: its row in the file was refused;
- ``reviewed``: a person said that it is not;
- ``nothing``: nothing stopped it, it is matched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from leads.features import PAIR_FEATURES
from leads.index import Index
from leads.lookup import place_before_cut
from leads.matching import evidence
from leads.queries import Queries
from leads.scoring import Model
from leads.verdicts import AMBIGUOUS, CONFIRMED, NOT_DIFFUSIBLE, OPPOSED, PROBABLE
from sirene.identifiers import Siren

#: Candidates and features that are told.
SHOWN, FEATURES_SHOWN = 5, 6
#: What a pair has in common → the way in which such names are found, the surest first.
_WAYS = (
    ("exact_full", "same name"), ("exact_core", "same name without legal form"),
    ("exact_glued", "same letters"), ("acronym", "acronym"), ("address_equal", "same address"),
    ("coverage_lead", "shared words"),
)  # fmt: skip
_SENTENCES = {
    "registry:not_loaded": ("source_gap", "no register is loaded"),
    "country:foreign": ("out_of_registry", "the lead is in another country"),
    "siren_given_not_in_registry": (
        "out_of_registry",
        "the number given is not in the register, and the name leads to no unit that is sure",
    ),
    "name:unusable": ("no_candidate", "the name is no name of a company"),
    "name:missing": ("no_candidate", "there is neither a name nor a number that can be used"),
    "candidates:none": ("no_candidate", "no name of the register is like it"),
    "candidates:too_unlikely": ("below_threshold", "every candidate is too unlikely"),
}


@dataclass(frozen=True)
class WhyNot:
    """The explanation of one lead.

    Attributes:
        stop: what stopped it: one of the codes above.
        sentence: the same in words.
        lines: the whole report, one line each.
    """

    stop: str
    sentence: str
    lines: tuple[str, ...] = ()


def why_not(
    lead: pl.DataFrame,
    match: dict[str, Any],
    index: Index | None,
    model: Model,
    *,
    siren: str | None = None,
    denied: tuple[str, ...] = (),
) -> WhyNot:
    """Explain the answer to a lead.

    Args:
        lead: one row, as for ``matching.match_leads``.
        match: its answer, a row of ``matching.MATCH_SCHEMA``.
        index: the registry it was answered from.
        model: the model it was answered with.
        siren: the unit somebody expected.
        denied: units that a person said it is not.
    """
    if index is None:
        return WhyNot("source_gap", "no register is loaded", _answer(match))
    queries, units = evidence(lead, index, model)
    unit = _unit(siren, index)
    stop, sentence = _stop(match, model, units, siren, unit, denied)
    if stop == "no_candidate" and unit is not None and siren is not None:
        stop, sentence = _before_cut(queries, units, index, siren)
    lines = [
        *_looked_for(queries, index),
        *_found(units, model, siren),
        *(_expected(siren, unit, units, model, index) if siren else ()),
        *_answer(match),
    ]
    return WhyNot(stop, sentence, tuple(lines))


def _unit(siren: str | None, index: Index) -> dict[str, Any] | None:
    rows = index.scan("units").filter(pl.col("siren") == (siren or "")).collect()
    return rows.row(0, named=True) if rows.height else None


def _stop(
    match: dict[str, Any],
    model: Model,
    units: pl.DataFrame,
    siren: str | None,
    unit: dict[str, Any] | None,
    denied: tuple[str, ...],
) -> tuple[str, str]:
    """Return the code of what stopped the lead, and a sentence."""
    matched = match["verdict"] in (CONFIRMED, PROBABLE)
    if siren is None or (matched and match["siren"] == siren):
        return _general(match)
    if Siren.normalize(siren) != siren:
        return "out_of_registry", f"{siren} is no SIREN: its check digit is wrong"
    if unit is None:
        return "out_of_registry", f"{siren} is not in the register that is loaded"
    if unit["statut_diffusion"] in OPPOSED:
        return "masked", f"{siren} opposed the use of its data"
    if siren in denied:
        return "reviewed", f"a person said that it is not {siren}"
    if "country:foreign" in match["reasons"]:
        return _SENTENCES["country:foreign"]
    if match["tier"] == "identifier" and matched:
        return "below_threshold", f"the lead gives a number, that of {match['siren']}, and it wins"
    return _among(match, model, units, siren)


def _general(match: dict[str, Any]) -> tuple[str, str]:
    if match["verdict"] in (CONFIRMED, PROBABLE):
        return "nothing", f"it is matched to {match['siren']}, {match['verdict']}"
    if match["verdict"] == NOT_DIFFUSIBLE:
        return "masked", "the unit opposed the use of its data"
    if match["verdict"] == AMBIGUOUS:
        return "ambiguous", _rivals(match)
    known = [_SENTENCES[reason] for reason in match["reasons"] if reason in _SENTENCES]
    return known[0] if known else ("no_candidate", "nothing can be looked for")


def _rivals(match: dict[str, Any]) -> str:
    names = [f"{one['name'] or '(not named)'} {one['siren']}" for one in match["alternatives"]]
    return f"as likely: {'; '.join(names)}. {match['question'] or ''}".strip()


def _among(match: dict[str, Any], model: Model, units: pl.DataFrame, siren: str) -> tuple[str, str]:
    """Return what stopped a unit that the register has and that may be named."""
    own = units.filter(pl.col("siren") == siren)
    if own.is_empty():
        return "no_candidate", f"no name, acronym or address led to {siren}"
    row = own.row(0, named=True)
    if match["verdict"] == AMBIGUOUS and siren in [one["siren"] for one in match["alternatives"]]:
        return "ambiguous", _rivals(match)
    if row["rank"] > 0:
        best = units.filter(pl.col("rank") == 0).row(0, named=True)
        behind = best["score"] - row["score"]
        return (
            "below_threshold",
            f"{best['siren']} is likelier: {behind:.2f} in log-odds before {siren}",
        )
    least = model.thresholds[AMBIGUOUS]
    return (
        "below_threshold",
        f"{siren} is the likeliest, with probability {row['probability']:.2f}; "
        f"{least:.2f} is the least to be asked about",
    )


def _before_cut(queries: Queries, units: pl.DataFrame, index: Index, siren: str) -> tuple[str, str]:
    """Return what stopped a unit that is not among those compared."""
    place = place_before_cut(queries.spellings, index, siren)
    if place is None:
        return "no_candidate", f"no name, acronym or address led to {siren}"
    return (
        "below_threshold",
        f"{siren} was found, {place[0]:,} of {place[1]:,} units by the words and places it "
        f"shares; only the first {units.height:,} were compared in full",
    )


def _looked_for(queries: Queries, index: Index) -> list[str]:
    asked = queries.asked.row(0, named=True)
    lines = ["looked for"]
    for row in queries.spellings.iter_rows(named=True):
        keys = {name: row[name] for name in ("full", "core", "glued", "acronym", "domain")}
        lines.append(f"  name      {_listed(keys)}")
        words = pl.DataFrame({"token": sorted(set(str(row["core"]).split(" ")))})
        known = words.lazy().join(index.scan("tokens"), on="token", how="left").collect()
        borne = ", ".join(
            f"{word} ({number or 0:,} units)"
            for word, number in known.sort("df", "token", nulls_last=False)
            .select("token", "df").iter_rows()
        )  # fmt: skip
        lines.append(f"  words     {borne}")
    if queries.spellings.is_empty():
        lines.append("  name      none that can be used")
    places = {name: asked[name] for name in ("postcode", "city", "department")}
    lines.append(f"  places    {_listed(places)}")
    lines.append(f"  numbers   {_listed({name: asked[name] for name in ('siren', 'siret')})}")
    if asked["remarks"]:
        lines.append(f"  remarks   {', '.join(asked['remarks'])}")
    return lines


def _listed(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items() if value) or "none"


def _found(units: pl.DataFrame, model: Model, siren: str | None) -> list[str]:
    lines = [f"found       {units.height:,} units"]
    for row in units.sort("rank").head(SHOWN).iter_rows(named=True):
        lines.append(_candidate(row, siren))
    limits = ", ".join(f"{name} {least:.2f}" for name, least in sorted(model.thresholds.items()))
    lines.append(f"  least probability: {limits}")
    return lines


def _candidate(row: dict[str, Any], siren: str | None) -> str:
    ways = [way for column, way in _WAYS if (row[column] or 0) > 0] or ["alike or nearby"]
    mark = "→" if row["siren"] == siren else " "
    masked = row["statut_diffusion"] in OPPOSED and not row["personne_morale"]
    name = "(not disclosed)" if masked else row["name_there"]
    return (
        f" {mark}{row['rank'] + 1}. {row['siren']} {name} [{row['kind']}]: probability "
        f"{row['probability']:.3f}, {row['tier']}; {', '.join(ways[:3])}"
    )


def _expected(
    siren: str, unit: dict[str, Any] | None, units: pl.DataFrame, model: Model, index: Index
) -> list[str]:
    """Tell what the register knows of the unit and what it cost it not to be first."""
    if unit is None:
        return [f"expected    {siren}: not in the register"]
    state = "open" if unit["active"] else "closed"
    if unit["statut_diffusion"] in OPPOSED:
        return [f"expected    {siren}: {state}, opposed the use of its data"]
    names = (
        index.scan("names").filter(pl.col("siren") == siren).select("name").unique().sort("name")
    )
    borne = "; ".join(names.head(SHOWN).collect()["name"]) or "none"
    lines = [f"expected    {siren}: {state}; names: {borne}"]
    own = units.filter(pl.col("siren") == siren)
    if own.is_empty():
        return [*lines, "  it was not among the candidates"]
    row, best = own.row(0, named=True), units.sort("rank").row(0, named=True)
    if row["rank"] > 0:
        lines.append(f"  against {best['siren']}, in log-odds of the ranking:")
        lines += _differences(row, best, model)
    lines.append("  what its probability is made of, in log-odds (regression half):")
    parts = {
        name: weight * (row[name] or 0.0) / 2 for name, weight in model.rank.coefficients.items()
    }
    lines += _largest(parts)
    return lines


def _differences(row: dict[str, Any], best: dict[str, Any], model: Model) -> list[str]:
    return _largest(
        {
            name: model.pair[name] * ((row[name] or 0.0) - (best[name] or 0.0))
            for name in PAIR_FEATURES
        }
    )


def _largest(parts: dict[str, float]) -> list[str]:
    """Return the largest parts of a sum, one line each."""
    told = sorted(parts.items(), key=lambda part: (-abs(part[1]), part[0]))[:FEATURES_SHOWN]
    return [f"    {value:+.2f} {name}" for name, value in told if abs(value) >= 0.005]


def _answer(match: dict[str, Any]) -> tuple[str, ...]:
    told = f"answer      {match['verdict']}"
    if match["siren"]:
        told += f" {match['siren']}"
    if match["probability"] is not None:
        told += f", probability {match['probability']:.3f}"
    return (told, f"  reasons   {', '.join(match['reasons']) or 'none'}")
