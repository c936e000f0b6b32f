"""What speaks for and against a candidate, as numbers.

Belongs here: the features of pairs (a lead's spelling, a name of the registry), computed
for all pairs at once. Does not belong here: aligning words (``overlap``), what the features
weigh (``scoring``).

Each feature is documented where it is made. Those of the name come first, then those of
the place, then those of the unit. A place that the lead does not give is neither equal nor
different: both indicators are zero.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from rapidfuzz import fuzz
from rapidfuzz.distance import JaroWinkler
from rapidfuzz.process import cpdist

from leads import arrays, candidates, overlap
from leads.arrays import F64, I64, U32, Array, runs
from leads.asked import Asked
from leads.candidates import MAX_ACRONYM, PAIR
from leads.families import CIVIL, form_families, form_texts
from leads.index import KINDS, Index
from leads.index_arrays import DIFFUSION, LEVELS, LOOKED_THROUGH, PLACES, place_key
from leads.words import AREAS, BODIES, keys_of

#: Features of the first stage, in the order of the model's coefficients.
PAIR_FEATURES = (
    "exact_full", "exact_core", "exact_glued", "exact_rare", "coverage_lead", "coverage_name",
    "coverage_both", "alike_lead", "alike_name", "own_words", "rarest_shared", "lead_alone",
    "name_alone", "lead_words", "name_words",
    "token_set", "token_sort", "jaro_winkler", "first_word",
    "numbers_differ", "form_agrees", "form_conflicts", "acronym", "of_establishment", "sigle",
    "homonyms", "postcode_equal", "postcode_differs", "city_equal", "city_differs",
    "department_equal", "department_differs", "address_equal", "exact_and_near",
    "exact_but_far", "spelt_out", "lead_area_alone", "name_area_alone", "lead_body_alone",
    "name_body_alone", "civil_unsaid", "sign_elsewhere", "unit_active", "unit_coverage",
    "unit_sites", "unit_names", "sign_here",
)  # fmt: skip
#: Pairs of one spelling that are compared in full.
KEPT = 12
#: What edit distances see of a name.
MAX_CHARS = 120
_ENSEIGNES = np.isin(KINDS, ["enseigne", "denomination_usuelle"])
_SIGLE = np.array(KINDS) == "sigle"


def compare(pairs: pl.DataFrame, queries: pl.DataFrame, index: Index) -> pl.DataFrame:
    """Return ``pairs`` with all :data:`PAIR_FEATURES` and the registry's side of each.

    Args:
        pairs: ``lead``, ``variant``, ``name_id``.
        queries: the leads' side, as for ``candidates.find``.
        index: the registry.
    """
    asked = Asked(queries, index)
    numbered = queries.select("lead", "variant").with_row_index("row")
    rows = pairs.join(numbered, on=["lead", "variant"], how="left", maintain_order="left")
    made = measured(asked, rows["row"].to_numpy().astype(np.int64), pairs["name_id"].to_numpy())
    return described(made, asked)


def measured(asked: Asked, rows: I64, names: U32) -> pl.DataFrame:
    """Return ``lead``, ``variant``, ``name_id``, ``row``, ``unit`` and the features of pairs.

    Words and keys of all pairs are compared; the rest is looked at for the most promising
    ones of each spelling, and the others are left out.
    """
    index = asked.index
    aligned = overlap.align(asked, rows, names)
    made: dict[str, Array] = _of_words(asked, rows, names, aligned) | _of_keys(asked, rows, names)
    kept = _promising(asked, rows, names, made)
    unit_coverage = _of_all_names(asked, rows, index.array("name.unit")[names], aligned[0])
    made["unit_coverage"] = np.maximum(unit_coverage, made["exact_glued"])
    made = {name: values[kept] for name, values in made.items()}
    rows, names = rows[kept], names[kept]
    unit = index.array("name.unit")[names]
    made |= _of_places(asked, rows, unit)
    made |= _of_unit(asked, rows, names, unit)
    made |= _of_spelling(asked, rows, names)
    exact = (made["exact_core"] | made["exact_glued"]).astype(np.float64)
    made["exact_rare"] = exact * made["rarest_shared"]
    made["homonyms"] = exact * np.log2(np.maximum(made["homonym_units"], 1))
    made["exact_and_near"] = exact * (made["department_equal"] | made["city_equal"])
    made["exact_but_far"] = exact * made["department_differs"]
    made["sign_elsewhere"] = made["of_establishment"] & made["department_differs"]
    made["letters"] = np.log1p(asked.rows["glued"].str.len_chars().to_numpy()[rows])
    found = asked.rows.select("lead", "variant")[rows]
    return found.with_columns(
        pl.Series("name_id", names, dtype=pl.UInt32),
        pl.Series("row", rows, dtype=pl.UInt32),
        pl.Series("unit", unit, dtype=pl.UInt32),
        pl.Series("kind_number", made.pop("kind_number"), dtype=pl.UInt8),
        *(pl.Series(name, values, dtype=pl.Float64) for name, values in made.items()),
    )


def _promising(asked: Asked, rows: I64, names: U32, made: dict[str, Array]) -> I64:
    """Return the places of the most promising pairs of each spelling, in order."""
    index = asked.index
    near = candidates.places_shared(asked, rows, index.array("name.place")[names])
    sirens = index.array("unit.siren")[index.array("name.unit")[names]]
    given = asked.sirens[rows] == sirens
    at_address = _at_address(asked, rows, sirens)
    promise = (
        0.3 * made["alike_lead"] + 0.2 * made["alike_name"] + 0.25 * made["coverage_both"]
        + 0.17 * made["rarest_shared"] + 0.3 * made["exact_glued"] + 0.3 * made["acronym"]
        + 0.08 * made["first_word"] + 0.06 * near + 0.3 * (at_address > 0) + 9.0 * given
    )  # fmt: skip
    order = np.lexsort((names, -promise.round(9), rows))
    kept = order[arrays.turns(rows) < KEPT]
    kept.sort()
    return np.asarray(kept, np.int64)


def _of_words(
    asked: Asked, rows: I64, names: U32, aligned: tuple[overlap.Aligned, overlap.Aligned]
) -> dict[str, Array]:
    """Weigh the words that both have: their part of either name, and what is left alone."""
    mine, theirs = aligned
    many, rare = len(rows), asked.index.unseen_idf
    whole, weight = overlap.total(mine, many), overlap.total(theirs, many)
    equal = overlap.total(mine, many, mine.weight * (mine.met == 1))
    alike = overlap.total(mine, many, mine.weight * mine.met)
    # A word of the lead's own commune is no part that the other name lacks, nor one more.
    free = overlap.total(theirs, many, theirs.weight * np.maximum(theirs.met, theirs.local))
    own = np.where(mine.local, 0.0, mine.weight)
    own_total = overlap.total(mine, many, own)
    glued = asked.codes["glued"][rows] == asked.index.array("name.glued")[names]
    rarest = overlap.greatest(mine, many, mine.weight * (mine.met == 1))

    def share(part: F64, of: F64) -> F64:
        # The same letters cut elsewhere (CREABOIS, CREA BOIS) are the same words.
        return np.where(glued, 1.0, part / np.maximum(of, 1e-9))

    alone = mine.weight * (1 - mine.met) * ~mine.local
    their_alone = theirs.weight * (1 - np.maximum(theirs.met, theirs.local))
    lacking = (mine.met == 0) & ~mine.local
    their_lacking = (theirs.met == 0) & ~theirs.local
    words, their_words = asked.words.key, asked.index.array("word.key")
    told = {}
    for what, listed in (("area", AREAS), ("body", BODIES)):
        keys = keys_of(listed)
        own_kind = arrays.positions(keys, words)[1][mine.word]
        their_kind = arrays.positions(keys, their_words[theirs.word])[1]
        told[f"lead_{what}_alone"] = overlap.any_of(mine, many, lacking & own_kind)
        told[f"name_{what}_alone"] = overlap.any_of(theirs, many, their_lacking & their_kind)
    return told | {
        "spelt_out": overlap.any_of(mine, many, mine.spelt_out),
        "asked": whole,
        "coverage_lead": share(equal, whole),
        "coverage_name": share(equal, weight),
        "coverage_both": share(equal, whole + weight - equal),
        "alike_lead": share(alike, whole),
        "alike_name": share(free, weight),
        "own_words": np.where(
            own_total > 0, share(overlap.total(mine, many, own * mine.met), own_total), 0.5
        ),
        "rarest_shared": np.where(glued, np.minimum(weight, rare), rarest) / rare,
        "lead_alone": np.where(glued, 0.0, overlap.greatest(mine, many, alone)) / rare,
        "name_alone": np.where(glued, 0.0, overlap.greatest(theirs, many, their_alone)) / rare,
        "lead_words": np.log1p(overlap.total(mine, many, np.ones(len(mine.pair)))),
        "name_words": np.log1p(overlap.total(theirs, many, np.ones(len(theirs.pair)))),
    }


def _of_all_names(asked: Asked, rows: I64, unit: U32, mine: overlap.Aligned) -> F64:
    """Return what part of the lead's words the compared names of a unit have together."""
    key = (rows.astype(np.uint64) << np.uint64(32)) | unit
    distinct, group = arrays.distinct(key, 32 + len(asked).bit_length())
    spelling = (distinct >> np.uint64(32)).astype(np.int64)
    starts = asked.words.starts
    count = starts[spelling + 1] - starts[spelling]
    offset = np.cumsum(count) - count
    met = np.zeros(int(count.sum()))
    np.maximum.at(met, offset[group[mine.pair]] + mine.word - starts[rows[mine.pair]], mine.met)
    owner = np.repeat(np.arange(len(distinct)), count)
    idf = asked.words.idf[arrays.runs(starts[spelling], count)]
    have = np.bincount(owner, weights=idf * met, minlength=len(distinct))
    whole = np.bincount(owner, weights=idf, minlength=len(distinct))
    return np.asarray((have / np.maximum(whole, 1e-9))[group])


def _of_keys(asked: Asked, rows: I64, names: U32) -> dict[str, Array]:
    """Say which keys, numbers and legal forms agree."""
    index = asked.index

    def same(mine: str, theirs: str) -> Array:
        ours = asked.codes[mine][rows]
        found: Array = (ours == index.array(f"name.{theirs}")[names]) & (ours != 0)
        return found

    kind = index.array("name.kind")[names]
    short = (asked.rows["full"].str.len_chars() <= MAX_ACRONYM).to_numpy()[rows]
    full = same("full", "full")
    initials = (short & same("full", "acronym")) | same("acronym", "full")
    form, their_form = asked.forms[rows], index.array("name.form")[names]
    # The register's own category is surer than the form written in a name.
    registered = index.array("unit.family")[index.array("name.unit")[names]]
    theirs = np.where(registered > 0, registered, form_families()[their_form])
    mine = form_families()[form]
    return {
        "exact_full": full,
        "exact_core": same("core", "core"),
        "exact_glued": same("glued", "glued"),
        "first_word": same("first", "first"),
        "numbers_differ": asked.codes["figures"][rows] != index.array("name.figures")[names],
        "form_agrees": (form > 0) & (form == their_form),
        "form_conflicts": (mine > 0) & (theirs > 0) & (mine != theirs),
        "civil_unsaid": (form == 0) & (theirs == CIVIL),
        "acronym": initials & ~full,
        "of_establishment": _ENSEIGNES[kind],
        "sigle": _SIGLE[kind],
        "kind_number": kind,
        "homonym_units": index.array("name.homonyms")[names],
        "brand_units": index.array("name.brands")[names],
    }


def _of_places(asked: Asked, rows: I64, unit: U32) -> dict[str, Array]:
    """Compare places: the unit agrees if any of its establishments is where the lead is."""
    index = asked.index
    sirens = index.array("unit.siren")[unit]
    levels = index.array("unit.levels")[unit]
    made: dict[str, Array] = {}
    best = _best_sites(asked, rows, unit)
    for level, site in best.items():
        codes = asked.codes[level][rows]
        has = (levels >> np.uint8(LEVELS[level])) & np.uint8(1)
        made[f"{level}_equal"] = site > 0
        made[f"{level}_differs"] = (codes != 0) & (has > 0) & (site == 0)
        made[f"site_{level}"] = site
    made["site_address"] = _at_address(asked, rows, sirens)
    made["address_equal"] = made["site_address"] > 0
    return made


def _best_sites(asked: Asked, rows: I64, unit: U32) -> dict[str, I64]:
    """Return for each level the unit's best establishment in the lead's place, from 1, else 0.

    Open before closed, head office before branch, then the lowest number.
    """
    index = asked.index
    begin, count = index.array("unit.sites.starts")[unit], index.array("unit.sites")[unit]
    large = np.flatnonzero(count > LOOKED_THROUGH)
    small = np.flatnonzero(count <= LOOKED_THROUGH)
    owner = np.repeat(small, count[small])
    sites = runs(begin[small], count[small])
    place = index.array("site.place")[sites]
    order = (index.array("site.state")[sites].astype(np.int64) << 32) | sites
    sirens, keys = index.array("unit.siren")[unit[large]], index.array("large.key")
    found = {}
    for level in PLACES:
        codes = asked.codes[level][rows]
        best = np.zeros(len(rows), np.int64)
        there = np.flatnonzero(
            (codes[owner] != 0) & (codes[owner] == index.array(f"place.{level}")[place])
        )
        if len(there):
            first = np.flatnonzero(np.diff(owner[there], prepend=-1))
            chosen = np.minimum.reduceat(order[there], first) & 0xFFFFFFFF
            best[owner[there][first]] = chosen + 1
        key, known = arrays.positions(keys, place_key(sirens, LEVELS[level], codes[large]))
        known &= codes[large] != 0
        best[large[known]] = index.array("large.site")[key[known]].astype(np.int64) + 1
        found[level] = best
    return found


def _at_address(asked: Asked, rows: I64, sirens: U32) -> I64:
    """Return the unit's establishment at the lead's address, from 1; 0 for none."""
    index = asked.index
    table = index.multimap("address")
    site_units = index.array("site.siret")
    wanted = (rows << 32) | sirens.astype(np.int64)
    result = np.zeros(len(rows), np.int64)
    for column in ("address_city", "address"):
        spelling, sites = table.find(asked.key(column), most=candidates.NEIGHBOURS * 2)
        owner = (site_units[sites] // np.uint64(100_000)).astype(np.int64)
        there = (spelling << 32) | owner
        order = np.lexsort((sites, there))
        first = np.flatnonzero(np.diff(there[order], prepend=-1) != 0)
        place, known = arrays.positions(there[order][first], wanted)
        result[known] = sites[order][first][place[known]].astype(np.int64) + 1
    return result


def _of_unit(asked: Asked, rows: I64, names: U32, unit: U32) -> dict[str, Array]:
    """Say how large the unit is as far as the register knows, and whether it is alive."""
    index = asked.index
    starts = index.array("unit.names.starts")
    place = index.array("name.place")[names]
    here = np.zeros(len(rows), np.bool_)
    for level in ("postcode", "city"):
        own = index.array(f"place.{level}")[place]
        here |= (own != 0) & (own == asked.codes[level][rows])
    return {
        "unit_active": index.array("unit.active")[unit],
        "unit_sites": np.log1p(index.array("unit.sites")[unit]),
        "unit_names": np.log1p(starts[unit.astype(np.int64) + 1] - starts[unit]),
        "sign_here": here,
    }


def _of_spelling(asked: Asked, rows: I64, names: U32) -> dict[str, Array]:
    """Compute the edit distances, in three calls for all pairs together."""
    texts = asked.index.texts("name.core_text")
    ours = asked.rows["core"].str.slice(0, MAX_CHARS).gather(rows).to_list()
    theirs = [text[:MAX_CHARS] for text in texts.of(names)]
    token_set = cpdist(ours, theirs, scorer=fuzz.token_set_ratio, workers=-1)
    token_sort = cpdist(ours, theirs, scorer=fuzz.token_sort_ratio, workers=-1)
    glued = cpdist(
        asked.rows["glued"].str.slice(0, MAX_CHARS).gather(rows).to_list(),
        [text[:MAX_CHARS] for text in texts.without_blanks(names)],
        scorer=JaroWinkler.similarity,
        workers=-1,
    )
    return {
        "token_set": np.asarray(token_set, np.float64) / 100.0,
        "token_sort": np.asarray(token_sort, np.float64) / 100.0,
        "jaro_winkler": np.asarray(glued, np.float64),
    }


def described(rows: pl.DataFrame, asked: Asked) -> pl.DataFrame:
    """Add what verdicts and reasons need of both sides to the output of :func:`measured`."""
    index = asked.index
    names, unit = rows["name_id"].to_numpy(), rows["unit"].to_numpy()
    ours = asked.rows.select(
        pl.col("full").alias("q_full"), pl.col("legal_form").alias("q_legal_form"), *PLACES
    )[rows["row"].to_numpy()]
    status = index.array("unit.status")[unit]
    sites = {
        f"at_{where}": _siret(index, rows[f"site_{where}"].to_numpy().astype(np.int64))
        for where in ("address", *PLACES)
    }
    return (
        rows.hstack(ours)
        .with_columns(
            index.texts("name.text").series("name_there", names),
            index.texts("unit.name").series("unit_name", unit),
            pl.col("kind_number").replace_strict(
                dict(enumerate(KINDS)), return_dtype=pl.Enum(KINDS)
            ).alias("kind"),
            siren_texts(index.array("unit.siren")[unit]).alias("siren"),
            pl.Series("statut_diffusion", np.array(DIFFUSION)[status]),
            pl.Series("personne_morale", index.array("unit.moral")[unit]),
            pl.Series("is_active", index.array("unit.active")[unit]),
            form_texts().gather(index.array("name.form")[names]).alias("legal_form"),
            siret_texts(index.array("name.siret")[names]).alias("name_siret"),
            siret_texts(index.array("unit.hq")[unit]).alias("hq"),
            pl.col("homonym_units", "brand_units").cast(pl.Int64),
            *(values.alias(name) for name, values in sites.items()),
        )
        .drop("row", "kind_number", *(f"site_{where}" for where in ("address", *PLACES)))
    )  # fmt: skip


def siren_texts(values: Array) -> pl.Series:
    """Return SIREN numbers as text."""
    return pl.Series(values, dtype=pl.UInt32).cast(pl.String).str.zfill(9)


def siret_texts(values: Array) -> pl.Series:
    """Return SIRET numbers as text, none for 0."""
    numbers = pl.Series(values, dtype=pl.UInt64)
    return numbers.cast(pl.String).str.zfill(14).set(numbers == 0, None)


def _siret(index: Index, sites: I64) -> pl.Series:
    values = np.zeros(len(sites), np.uint64)
    values[sites > 0] = index.array("site.siret")[sites[sites > 0] - 1]
    return siret_texts(values)


__all__ = ["PAIR", "PAIR_FEATURES", "PLACES", "compare", "described", "measured"]
