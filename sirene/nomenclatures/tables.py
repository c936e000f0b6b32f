"""The code tables as tables of the warehouse, with French and English labels.

Belongs here: which tables there are, their columns and what these mean. Does not belong here:
labels of a column of codes while data is made (the package itself).

English labels exist for headcount bands, levels 1 and 2 of the legal categories (our own
translation) and the sections of both activity nomenclatures (titles of NACE Rev. 2 and 2.1);
INSEE publishes the finer levels in French only.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from sirene import nomenclatures as codes

PREFIX = "nomenclature__"
INSEE = "Source : Insee (nomenclatures, code officiel géographique 2026). Licence Ouverte 2.0."
_MEANING = {
    "code": "Code, as published / Code, tel que publié",
    "libelle": "Label in French / Libellé",
    "label_en": "Label in English / Libellé en anglais",
    "section": "Section of the same nomenclature / Section de la même nomenclature",
    "libelle_section": "Label of the section / Libellé de la section",
    "section_en": "Section in English / Section en anglais",
    "code_1": "Code of level 1 / Code de niveau 1",
    "libelle_1": "Label of level 1 / Libellé de niveau 1",
    "label_1_en": "Level 1 in English / Niveau 1 en anglais",
    "code_2": "Code of level 2 / Code de niveau 2",
    "libelle_2": "Label of level 2 / Libellé de niveau 2",
    "label_2_en": "Level 2 in English / Niveau 2 en anglais",
    "nom": "Name / Nom",
    "type": "COM commune, ARM district, COMD and COMA former communes / Type de commune (TYPECOM)",
    "departement": "Department / Département",
    "region": "Region / Région",
    "code_actuel": "Code of the commune of 2026 / Code de la commune de 2026",
    "nom_actuel": "Name of the commune of 2026 / Nom de la commune de 2026",
    "codes_postaux": "Postcodes / Codes postaux",
    "zone": "metro, drom or com: where in the Republic / Partie de la République",
    "rang": "Rank of the band, empty for NN / Rang de la tranche, vide pour NN",
    "nomenclature": "NAFRev2 or NAF2025 / NAFRev2 ou NAF2025",
    "naf_rev2": "Code in NAF rév. 2 / Code en NAF rév. 2",
    "naf_2025": "Code in NAF 2025 / Code en NAF 2025",
    "occurrences": "Units seen with both codes / Unités vues avec les deux codes",
}


@dataclass(frozen=True)
class CodeTable:
    """One table: its rows, its key and what it is."""

    rows: pl.DataFrame
    key: tuple[str, ...]
    title: str

    @property
    def columns(self) -> dict[str, str]:
        """Return column → meaning."""
        return {name: _MEANING[name] for name in self.rows.columns}


def _english(name: str, code: str, alias: str) -> pl.Expr:
    rows = codes.table("labels_en").filter(pl.col("nomenclature") == name)
    return (
        pl.col(code)
        .replace_strict(rows["code"], rows["label"], default=None, return_dtype=pl.String)
        .alias(alias)
    )


def _naf(table: str, nomenclature: str) -> pl.DataFrame:
    sections = codes.table(codes.SECTIONS).filter(pl.col("nomenclature") == nomenclature)
    return (
        codes.table(table)
        .join(sections.select(section="code", libelle_section="libelle"), on="section", how="left")
        .with_columns(_english(nomenclature, "section", "section_en"))
    )


def _sections() -> pl.DataFrame:
    return pl.concat(
        part.with_columns(_english(str(name), "code", "label_en"))
        for (name,), part in codes.table(codes.SECTIONS).group_by("nomenclature")
    )


def _tranches() -> pl.DataFrame:
    name = codes.TRANCHES
    return codes.table(name).with_columns(
        _english(name, "code", "label_en"), codes.tranche_rank(pl.col("code")).alias("rang")
    )


def _categories() -> pl.DataFrame:
    name = codes.CATEGORIES_JURIDIQUES
    return codes.table(name).with_columns(
        _english(name, "code_2", "label_2_en"), _english(name, "code_1", "label_1_en")
    )


def communes() -> pl.DataFrame:
    """Return every commune code that stands or stood, with the commune it belongs to today.

    Of a code that a commune shares with one of its parts, the commune is kept. Codes that
    withdrew without a name here have one only through ``nom_actuel``.
    """
    listed = codes.table(codes.COMMUNES).unique("code", keep="first", maintain_order=True)
    withdrawn = codes.table("communes_anciennes")
    regions = codes.table(codes.DEPARTEMENTS).select(departement="code", region="region")
    names = listed.select(code_actuel="code", nom_actuel="nom")
    return (
        listed.join(withdrawn, on="code", how="full", coalesce=True)
        .with_columns(
            pl.coalesce("code_actuel", "code"),
            pl.coalesce("departement", codes.departement_of_commune(pl.col("code"))),
        )
        .join(names, on="code_actuel", how="left")
        .join(regions, on="departement", how="left")
        .select(
            "code", "type", "nom", "departement", "region", "code_actuel", "nom_actuel",
            "codes_postaux",
        )
    )  # fmt: skip


def code_tables() -> dict[str, CodeTable]:
    """Return name of the table → table, in alphabetical order."""
    pairs = codes.table("naf_correspondence").with_columns(pl.col("occurrences").cast(pl.Int64))
    found = {
        "categories_juridiques": CodeTable(
            _categories(), ("code",), "Legal categories / Catégories juridiques"
        ),
        "communes": CodeTable(
            communes(),
            ("code",),
            "Commune codes, former ones too / Codes de communes, même anciens",
        ),
        "departements": CodeTable(
            codes.table(codes.DEPARTEMENTS), ("code",), "Departments / Départements"
        ),
        "naf_2025": CodeTable(_naf(codes.NAF_2025, "NAF2025"), ("code",), "NAF 2025"),
        "naf_correspondence": CodeTable(
            pairs,
            ("naf_rev2", "naf_2025"),
            "Pairs of NAF codes seen on real units, far from all; with the NAF 2025 columns of the "
            "register, sirene__naf_correspondence has every one / Couples observés",
        ),
        "naf_rev2": CodeTable(_naf(codes.NAF_REV2, "NAFRev2"), ("code",), "NAF rév. 2 (2008)"),
        "naf_sections": CodeTable(
            _sections(), ("nomenclature", "code"), "Sections of both NAF / Sections des deux NAF"
        ),
        "regions": CodeTable(codes.table(codes.REGIONS), ("code",), "Regions / Régions"),
        "tranches_effectifs": CodeTable(
            _tranches(), ("code",), "Headcount bands / Tranches d'effectifs"
        ),
    }
    return {PREFIX + name: one for name, one in found.items()}
