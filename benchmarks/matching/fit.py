"""Fit ``leads/model.json`` on labelled real text: ``python -m benchmarks.matching.fit``.

Belongs here: the two stages, the calibration and the thresholds, all from the fit and
calibrate splits. The test split is not read.

Labels are few, so that none is spent on one purpose: the stages learn from both splits, and
calibration and thresholds are fitted on what stages say that were fitted without the SIREN in
question (five folds by SIREN, as in Platt's own advice).
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.matching import boosting, data, regression
from leads import candidates, features, scoring
from leads.asked import Asked
from leads.features import PAIR_FEATURES
from leads.index import Index
from leads.queries import prepare
from leads.scoring import RANK_FEATURES, TIERS, Model, matrix
from leads.verdicts import forbidding
from opendata.files import json_bytes, write_bytes

MODEL = Path(__file__).parents[2] / "leads" / "model.json"
RIDGE = 3.0
ROUNDS = 3
#: Candidates of a lead that the second stage learns from.
LEARNT = 3
FOLDS = 5
#: The direction in which evidence must count, whatever a few labels say; else it is left out.
SIGNS = {
    "numbers_differ": -1, "form_conflicts": -1, "department_differs": -1, "city_differs": -1,
    "postcode_differs": -1, "homonyms": -1, "lead_alone": -1, "name_alone": -1,
    "lead_area_alone": -1, "name_area_alone": -1, "lead_body_alone": -1, "name_body_alone": -1,
    "civil_unsaid": -1, "sign_elsewhere": -1, "spelt_out": 1,
    "department_equal": 1, "city_equal": 1, "postcode_equal": 1, "address_equal": 1,
}  # fmt: skip
#: Share of leads without a unit in the registry that the stages see, and that the calibration
#: assumes: a list of customers has few companies that no register of France knows.
OPEN_SHARE = 0.30
AS_MANY_OPEN = OPEN_SHARE / (1 - OPEN_SHARE)
ASSUMED_OPEN = 0.10
#: Leads without a unit for each lead with one that the stages learn from; together they weigh
#: :data:`OPEN_SHARE`.
OPEN_SEEN = 3.0
#: Of what is confirmed: an answer nobody looks at again. Beyond, labels are too often wrong.
TARGET_PRECISION = 0.97
#: Of leads whose unit the registry does not have, those that may be confirmed as another.
FALSE_ACCEPTS = 0.01
PRECISIONS = (0.90, 0.95, 0.98)
#: Policy, not measure: "probable" is more likely right than wrong; a question is worth asking
#: when the answer is among the candidates at least once in three.
POLICY = {"probable": 0.50, "ambiguous": 0.33}
#: Below this many labels a tier's calibration would follow noise: all tiers together.
LEAST_LABELS = 60


@dataclass(frozen=True)
class Bench:
    """Leads with their truth, and their compared pairs.

    Attributes:
        truth: ``lead`` (question), ``true_siren``, ``set``, ``split``, ``open`` (its unit is
            not in the registry).
        pairs: all candidate pairs with features and the columns of ``truth``.
        spellings: keys and places of each lead's name, for the peers.
        asked: the same as matching sees them.
    """

    truth: pl.DataFrame
    pairs: pl.DataFrame
    spellings: pl.DataFrame
    asked: Asked


def bench(index: Index, *, seen: float = OPEN_SEEN) -> Bench:
    """Compare every labelled lead in the registry, and a sample of those that are not.

    Args:
        index: the registry.
        seen: leads without a unit for each one with one, but in the test split, where they are
            :data:`OPEN_SHARE` of all.
    """
    leads = data.labelled()
    present = leads["true_siren"].is_in(data.registry()["siren"].unique().implode())
    inside = leads.filter(present)
    outside = leads.filter(~present).with_columns(
        pl.Series("draw", [_draw(lead) for lead in leads.filter(~present)["lead_id"]])
    )
    share = pl.when(pl.col("split").first() == "test").then(AS_MANY_OPEN).otherwise(seen)
    wanted = inside.group_by("split").agg((pl.len() * share).round().cast(pl.Int64).alias("wanted"))
    sample = (
        outside.sort("draw")
        .join(wanted, on="split", maintain_order="left")
        .filter(pl.int_range(pl.len()).over("split") < pl.col("wanted"))
    )
    both = pl.concat(
        [
            inside.with_columns(pl.lit(False).alias("open")),
            sample.select(inside.columns).with_columns(pl.lit(True).alias("open")),
        ]
    )
    queries = prepare(both)
    # Two sets may hold the same text for two SIRENs (a sister's number): both stay wrong or
    # right on their own, so a question counts once per truth.
    truth = (
        queries.leads.join(both, on="lead_id", maintain_order="left")
        .select("lead", "true_siren", "set", "split", "open")
        .unique(["lead", "true_siren"], keep="first", maintain_order=True)
        .sort("lead", "true_siren")
        .unique("lead", keep="first", maintain_order=True)
    )
    asked = Asked(queries.spellings, index)
    pairs = features.measured(asked, *candidates.pairs(asked)).join(truth, on="lead")
    sirens = features.siren_texts(index.array("unit.siren")[pairs["unit"].to_numpy()])
    right = (pl.col("siren") == pl.col("true_siren")).alias("right")
    first = queries.spellings.filter(pl.col("variant") == 0)
    return Bench(
        truth,
        pairs.with_columns(sirens.alias("siren")).with_columns(right),
        first.select("lead", "core", "glued", "postcode", "department"),
        asked,
    )


def _draw(lead_id: str) -> str:
    return hashlib.sha256(f"{data.SEED}|open|{lead_id}".encode()).hexdigest()


def fit_pair_stage(pairs: pl.DataFrame) -> dict[str, float]:
    """Fit the ranking; each round, a unit is represented by its best name so far."""
    rows = pairs.filter(pl.col("right").any().over("lead"))
    start = ("coverage_both", "coverage_lead", "exact_core", "department_equal")
    coefficients = {name: float(name in start) for name in PAIR_FEATURES}
    used = list(PAIR_FEATURES)
    for _ in range(ROUNDS):
        best = scoring.best_names(rows, coefficients).sort("lead", "unit")
        fitted = regression.conditional(
            matrix(best, used),
            matrix(best, ["right"])[:, 0],
            best["lead"].rle_id().cast(pl.Int64).to_numpy(),
            RIDGE,
        )
        weights = {name: round(v, 6) for name, v in zip(used, fitted, strict=True)}
        used = [name for name in used if weights[name] * SIGNS.get(name, 0) >= 0]
        coefficients = {name: weights[name] if name in used else 0.0 for name in PAIR_FEATURES}
    return coefficients


def fit_rank_stage(units: pl.DataFrame) -> dict[str, Any]:
    """Fit how likely each of the first few candidates is right."""
    rows = units.filter(pl.col("rank") < LEARNT)
    x, y = matrix(rows, RANK_FEATURES), matrix(rows, ["right"])[:, 0]
    w = matrix(_learnt_weights(rows), ["weight"])[:, 0]
    weights, alone = regression.logistic(x, y, w, RIDGE)
    trees, start = boosting.boosted(x, y, w)
    return {
        "coefficients": {n: round(v, 6) for n, v in zip(RANK_FEATURES, weights, strict=True)},
        "intercept": round((alone + start) / 2, 6),
        "trees": [tree.content for tree in trees],
    }


def _learnt_weights(rows: pl.DataFrame) -> pl.DataFrame:
    """Return what rows count in the second stage: less where a SIREN has many spellings."""
    spellings = pl.col("lead").n_unique().over("true_siren")
    return (
        with_weights(rows, OPEN_SHARE)
        .select((pl.col("weight") / spellings.sqrt()).alias("weight"))
        .select(pl.col("weight") / pl.col("weight").mean())
    )


def fit_stages(pairs: pl.DataFrame) -> dict[str, Any]:
    """Return the content of a model but for calibration, thresholds and identifiers."""
    pair = fit_pair_stage(pairs)
    units = scoring.ranked(scoring.best_names(pairs, pair))
    content = {"pair": pair, "rank": fit_rank_stage(units), "version": ""}
    return content | {"calibration": {}, "thresholds": {}, "identifier": {}}


def top_candidates(pairs: pl.DataFrame, model: Model) -> pl.DataFrame:
    """Return the best candidate of each lead with its ``log_odds``."""
    units = scoring.ranked(scoring.best_names(pairs, model.pair))
    return scoring.with_log_odds(units.filter(pl.col("rank") == 0), model)


def held_out(pairs: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the best candidate of each lead, by stages fitted without its SIREN.

    Returns:
        With the registry as it is, and as if the lead's own unit were not in it.
    """
    folds = pl.Series([data.fold_of(siren, FOLDS) for siren in pairs["true_siren"]])
    parts, without = [], []
    for fold in range(FOLDS):
        model = Model.from_content(fit_stages(pairs.filter(folds != fold)))
        own = pairs.filter(folds == fold)
        parts.append(top_candidates(own, model))
        without.append(top_candidates(own.filter(~pl.col("open") & ~pl.col("right")), model))
    return pl.concat(parts).sort("lead"), pl.concat(without).sort("lead")


def with_weights(top: pl.DataFrame, open_share: float = ASSUMED_OPEN) -> pl.DataFrame:
    """Add ``weight``: leads without a unit count for the share that is assumed."""
    leads = top.unique("lead")["open"]
    inside, outside = float((~leads).sum()), float(max(leads.sum(), 1))
    share = inside * open_share / (1 - open_share) / outside
    return top.with_columns(pl.when("open").then(share).otherwise(1.0).alias("weight"))


def calibrate(top: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """Fit Platt's scaling for each tier on the first candidates of held-out leads."""
    result = {}
    for name in TIERS:
        rows = top.filter(pl.col("tier") == name)
        own = min(rows["right"].sum(), (~rows["right"]).sum()) >= LEAST_LABELS // 2
        rows = rows if rows.height >= LEAST_LABELS and own else top
        slope, intercept = regression.platt(
            matrix(rows, ["log_odds"])[:, 0],
            matrix(rows, ["right"])[:, 0],
            matrix(rows, ["weight"])[:, 0],
        )
        result[name] = {
            "slope": round(slope, 6),
            "intercept": round(intercept, 6),
            "labels": rows.height,
            "fitted_on": name if rows is not top else "all tiers",
        }
    return result


def threshold(rows: pl.DataFrame, precision: float) -> float | None:
    """Return the least probability from which the answers reach ``precision``.

    Args:
        rows: ``probability``, ``right``, and ``weight`` if answers count unequally.
        precision: share of answers that shall be right.
    """
    weight = pl.col("weight") if "weight" in rows.columns else pl.ones(pl.len())
    curve = rows.sort("probability", descending=True).select(
        "probability",
        ((pl.col("right") * weight).cum_sum() / weight.cum_sum()).alias("precision"),
        (pl.col("probability") != pl.col("probability").shift(-1)).fill_null(True).alias("whole"),
    )
    reached = curve.filter(pl.col("whole") & (pl.col("precision") >= precision))
    return None if reached.is_empty() else float(reached["probability"][-1])


def few_false(removed: pl.DataFrame, leads: int) -> float:
    """Return the least probability that confirms :data:`FALSE_ACCEPTS` of leads without a unit.

    Args:
        removed: best candidates of leads whose own unit is taken away, described.
        leads: how many such leads there are, those without any candidate included.
    """
    free = removed.with_columns(pl.lit(False).alias("foreign_form")).filter(
        forbidding("tier").list.len() == 0
    )
    highest = free["probability"].sort(descending=True)
    allowed = int(leads * FALSE_ACCEPTS)
    # Answers of equal probability are confirmed together: beyond the first one too many.
    return float(highest[allowed]) + 1e-6 if allowed < len(highest) else 0.0


def identifier_share(pairs: pl.DataFrame) -> dict[str, Any]:
    """Measure how often the number somebody gave is that of the name they gave.

    Where a typed name is exactly that of one unit only, the given SIREN should be that
    unit's. It is a lower bound: what disagrees are sister companies and namesakes too.
    """
    sure = pairs.filter(
        ~pl.col("open") & (pl.col("exact_full") > 0)
        & (pl.col("homonym_units") == 1)
    ).unique(["lead", "siren"])  # fmt: skip
    alone = sure.filter(pl.len().over("lead") == 1)
    return {
        "probability": round(float(alone["right"].mean() or 0.0), 4),  # type: ignore[arg-type]
        "labels": alone.height,
        "measured_as": "share of labelled leads whose name is exactly that of one unit only "
        "and whose given SIREN is that unit's (splits fit and calibrate)",
    }


def fit(index: Index) -> dict[str, Any]:
    """Return the content of the model file."""
    found = bench(index)
    known = found.pairs.filter(pl.col("split") != "test")
    content = fit_stages(known)
    content["identifier"] = {"given": identifier_share(known)}
    top, removed = held_out(known)
    top = with_weights(top)
    content["calibration"] = calibrate(top)
    model = Model.from_content(content)
    top = top.with_columns(scoring.probability(model).alias("probability"))
    removed = removed.with_columns(scoring.probability(model).alias("probability"))
    leads = found.truth.filter((pl.col("split") != "test") & ~pl.col("open")).height
    reached = threshold(top, TARGET_PRECISION)
    closed = few_false(features.described(removed, found.asked), leads)
    content["thresholds"] = {
        "confirmed": {
            "probability": max(reached or 1.0, closed),
            "measured_as": "least probability from which, of held-out leads of fit and calibrate, "
            f"{TARGET_PRECISION:.0%} of the answers are right ({reached}), and of leads whose "
            f"unit is taken away {FALSE_ACCEPTS:.1%} are confirmed, rules included ({closed})",
            "labels": top.height,
            "for_precision": {f"{share:.2f}": threshold(top, share) for share in PRECISIONS},
            "for_precision_if_present": {
                f"{share:.2f}": threshold(top.filter(~pl.col("open")), share)
                for share in PRECISIONS
            },
        },
        **{name: {"probability": value, "policy": True} for name, value in POLICY.items()},
    }
    content["provenance"] = {
        "script": "python -m benchmarks.matching.fit",
        "data": "labelled_leads.parquet against registry_names.parquet (benchmark only)",
        "split": f"by SIREN, sha256 with seed {data.SEED}, 60/20/20",
        "open_share": OPEN_SHARE,
        "assumed_open_share": ASSUMED_OPEN,
        "folds": FOLDS,
        "leads": dict(found.truth.group_by("split").len().sort("split").iter_rows()),
        "ridge": RIDGE,
        "boosting": asdict(boosting.Settings()),
    }
    numbers = {key: value for key, value in content.items() if key != "version"}
    content["version"] = "boosted-" + hashlib.sha256(json_bytes(numbers)).hexdigest()[:12]
    return content


def ordered_json(content: dict[str, Any]) -> bytes:
    """Return the model file: the order of the features is part of the model, a tree is a line."""
    trees = content["rank"]["trees"]
    places = {"trees": [f"tree {number}" for number in range(len(trees))]}
    text = json.dumps({**content, "rank": content["rank"] | places}, ensure_ascii=False, indent=1)
    for place, tree in zip(places["trees"], trees, strict=True):
        text = text.replace(f'"{place}"', json.dumps(tree), 1)
    return f"{text}\n".encode()


def main() -> None:
    """Fit and write the model."""
    with tempfile.TemporaryDirectory() as folder:
        content = fit(data.build(Path(folder)))
    write_bytes(MODEL, ordered_json(content), point="model")
    print(f"wrote {MODEL.name} {content['version']}")
    print({name: row["probability"] for name, row in content["thresholds"].items()})
    print(content["identifier"], content["calibration"], sep="\n")


if __name__ == "__main__":
    main()
