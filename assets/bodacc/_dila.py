"""Notices of DILA's XML files in the form of those of the Opendatasoft portal.

Belongs here: where the XML keeps what the portal keeps elsewhere, file by file (RCS-A, RCS-B,
PCL, BILAN). Does not belong here: what becomes of a notice (``normalise.py``), reading XML
(:mod:`opendata.xml_records`).

In RCS-A and RCS-B the kind of a person is an element around it; in PCL and BILAN the one party
stands in the notice itself, beside its number. Former owners and operators are elements of the
notice whose name says what kind of person they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from assets.bodacc._blocks import MONTHS, clean, fold, inside

#: Resource → letter of its bulletin.
FILES: Mapping[str, str] = {"rcs-a": "A", "rcs-b": "B", "pcl": "A", "bilan": "C"}
PAGE = "https://www.bodacc.fr/pages/annonces-commerciales-detail/?q.id=id:"
_KINDS = {"pm": "personneMorale", "pp": "personnePhysique"}
_TEXT = pl.lit(None, dtype=pl.String)


def notices(raw: Mapping[str, pl.LazyFrame]) -> pl.LazyFrame:
    """Return the notices of all files under the columns of the portal's resource."""
    return pl.concat([_read(name, rows) for name, rows in raw.items()])


def _read(name: str, rows: pl.LazyFrame) -> pl.LazyFrame:
    found = rows.with_columns(
        publication=pl.lit(FILES[name]),
        notice_id=pl.concat_str(
            pl.lit(FILES[name]), "parution", pl.col("numero_annonce").cast(pl.String)
        ),
        date_parution=_day("date_parution"),
        type_avis=_type(),
        famille_avis=_family(name),
        registre=_TEXT,
    )
    people = "personnes" if name in ("rcs-a", "rcs-b") else None
    persons = _listed(found, people) if people else _alone(found)
    owners = _named(found, "precedentProprietaire", "listeprecedentproprietaire")
    operators = _named(found, "precedentExploitant", "listeprecedentexploitant")
    place = "personnes" if people else "adresse"
    return (
        found.join(persons, on="notice_id", how="left")
        .join(owners, on="notice_id", how="left")
        .join(operators, on="notice_id", how="left")
        .select(
            "_line",
            "notice_id",
            "publication",
            "parution",
            "date_parution",
            "numero_annonce",
            "type_avis",
            "famille_avis",
            "numero_departement",
            "tribunal",
            _place(place, "ville").alias("ville"),
            _place(place, "codePostal").alias("code_postal"),
            "registre",
            "listepersonnes",
            _wrapped("etablissement").alias("listeetablissements"),
            "jugement",
            "acte",
            "modificationsgenerales",
            "radiationaurcs",
            "depot",
            "listeprecedentexploitant",
            "listeprecedentproprietaire",
            "parutionavisprecedent",
            (pl.lit(PAGE) + pl.col("notice_id")).alias("url"),
        )
    )


def _day(column: str) -> pl.Expr:
    """Read the day of an issue: ISO today, ``16/01/2008`` and ``16 janvier 2008`` before."""
    text = clean(pl.col(column)).str.to_lowercase()
    numbers = text.str.replace_many(list(MONTHS), list(MONTHS.values())).str.replace_all(" ", "/")
    return pl.coalesce(
        text.str.to_date("%Y-%m-%d", strict=False), numbers.str.to_date("%d/%m/%Y", strict=False)
    )


def _type() -> pl.Expr:
    kind = pl.col("typeannonce")
    return (
        pl.when(kind.str.json_path_match("$.annulation").is_not_null())
        .then(pl.lit("annulation"))
        .when(kind.str.json_path_match("$.rectificatif").is_not_null())
        .then(pl.lit("rectificatif"))
        .otherwise(pl.lit("annonce"))
    )


def _family(name: str) -> pl.Expr:
    """Return the portal's family: given by the deed or the judgment, else by the file."""
    if name == "bilan":
        return pl.lit("dpc")
    if name == "rcs-b":
        struck = pl.col("modificationsgenerales").is_null()
        return pl.when(struck).then(pl.lit("radiation")).otherwise(pl.lit("modification"))
    if name == "pcl":
        family = fold(inside("jugement", "$.famille"))
        return (
            pl.when(family.str.contains("conciliation", literal=True))
            .then(pl.lit("conciliation"))
            .when(family.str.contains("retablissement professionnel", literal=True))
            .then(pl.lit("retablissement_professionnel"))
            .otherwise(pl.lit("collective"))
        )
    deeds = ("vente", "immatriculation", "creation")
    found = [
        pl.when(pl.col("acte").str.json_path_match(f"$.{deed}").is_not_null()).then(pl.lit(deed))
        for deed in deeds
    ]
    return pl.coalesce(*found, pl.lit("divers"))


def _listed(rows: pl.LazyFrame, column: str) -> pl.LazyFrame:
    """Return the persons of RCS files: each one says its kind by the element inside it."""
    found = _items(rows, pl.col(column).str.json_path_match("$.personne"))
    kinds = [
        pl.when(pl.col("item").str.json_path_match(f"$.{element}").is_not_null()).then(pl.lit(kind))
        for kind, element in _KINDS.items()
    ]
    return _joined(found.with_columns(kind=pl.coalesce(*kinds)), "listepersonnes")


def _alone(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Return the one party that PCL and BILAN files put in the notice itself."""
    natural = pl.col("personnephysique").is_not_null()
    company = pl.col("personnemorale").is_not_null() | pl.col("denomination").is_not_null()
    parts = {
        "personneMorale": pl.col("personnemorale"),
        "numeroImmatriculation": pl.col("numeroimmatriculation"),
    }
    own = pl.struct(pl.col("denomination")).struct.json_encode().str.strip_suffix("}")
    item = pl.concat_str(
        own,
        *[
            pl.concat_str(pl.lit(f',"{key}":'), value.fill_null("null"))
            for key, value in parts.items()
        ],
        pl.lit("}"),
    )
    kind = pl.when(natural).then(pl.lit("pp")).when(company).then(pl.lit("pm"))
    number = pl.col("numeroimmatriculation").is_not_null()
    found = rows.filter(natural | company | number).select("notice_id", kind=kind, item=item)
    return _joined(found.with_columns(position=0), "listepersonnes")


def _named(rows: pl.LazyFrame, element: str, block: str) -> pl.LazyFrame:
    """Return former owners or operators, one element name a kind of person."""
    known = rows.collect_schema().names()
    columns = {kind: f"{element}{kind.upper()}".lower() for kind in _KINDS}
    found = [
        _items(rows, pl.col(column)).with_columns(kind=pl.lit(kind))
        for kind, column in columns.items()
        if column in known
    ]
    if not found:
        return pl.LazyFrame(schema={"notice_id": pl.String, block: pl.String})
    return _joined(pl.concat(found), block)


def _items(rows: pl.LazyFrame, block: pl.Expr) -> pl.LazyFrame:
    """Return notice_id, position and item of a block that is one object or several."""
    found = rows.select("notice_id", block=block).filter(pl.col("block").is_not_null())
    one = found.filter(pl.col("block").str.starts_with("{"))
    several = found.filter(pl.col("block").str.starts_with("["))
    braces = pl.col("block").str.count_matches("{", literal=True)
    each = several.with_columns(position=pl.int_ranges(0, braces, dtype=pl.Int32)).explode(
        "position"
    )
    item = pl.col("block").str.json_path_match(pl.format("$[{}]", "position"))
    return pl.concat(
        [
            one.select("notice_id", position=pl.lit(0, dtype=pl.Int32), item="block"),
            each.select("notice_id", "position", item=item),
        ]
    ).filter(pl.col("item").is_not_null())


def _joined(items: pl.LazyFrame, block: str) -> pl.LazyFrame:
    """Put the persons back into one block a notice, each with its ``typePersonne``."""
    kind = pl.concat_str(pl.lit('{"typePersonne":"'), "kind", pl.lit('",'))
    told = pl.when(pl.col("kind").is_not_null()).then(kind).otherwise(pl.lit("{"))
    whole = pl.concat_str(told, pl.col("item").str.strip_prefix("{"))
    together = items.with_columns(whole=whole).sort("notice_id", "kind", "position")
    listed = together.group_by("notice_id", maintain_order=True).agg(pl.col("whole").str.join(","))
    return listed.select(
        "notice_id",
        pl.concat_str(pl.lit('{"personne":['), "whole", pl.lit("]}")).alias(block),
    )


def _wrapped(column: str) -> pl.Expr:
    return pl.concat_str(pl.lit(f'{{"{column}":'), pl.col(column), pl.lit("}"))


def _place(block: str, field: str) -> pl.Expr:
    """Return a field of the French address of the (first) party."""
    ways: Sequence[str] = ("$.france",)
    if block == "personnes":
        people: Iterable[str] = ("$.personne", "$.personne[0]")
        ways = [f"{way}.{part}.france" for way in people for part in ("adresse", "siegeSocial")]
    return inside(block, *(f"{way}.{field}" for way in ways))
