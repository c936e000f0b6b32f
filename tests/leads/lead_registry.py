"""Registries for the tests: a small one made by hand, and the bundled sample of SIRENE."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from pathlib import Path

import polars as pl

from leads.index import Index, build_index

SAMPLE = Path(__file__).parents[2] / "data" / "sample"

UNIT_SCHEMA = {
    "siren": pl.String, "statut_diffusion": pl.String, "sigle": pl.String,
    "denomination": pl.String, "denomination_usuelle_1": pl.String,
    "denomination_usuelle_2": pl.String, "denomination_usuelle_3": pl.String,
    "etat_administratif": pl.String, "categorie_juridique": pl.String, "nic_siege": pl.String,
    "personne_morale": pl.Boolean, "nom_complet": pl.String,
}  # fmt: skip
ESTABLISHMENT_SCHEMA = {
    "siret": pl.String, "siren": pl.String, "nic": pl.String, "statut_diffusion": pl.String,
    "siege": pl.Boolean, "code_postal": pl.String, "libelle_commune": pl.String,
    "departement": pl.String, "etat_administratif": pl.String, "enseigne_1": pl.String,
    "enseigne_2": pl.String, "enseigne_3": pl.String, "denomination_usuelle": pl.String,
}  # fmt: skip


def checked(digits: str) -> str:
    """Return ``digits`` with the Luhn digit that makes them valid."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return digits + str(-total % 10)


def siren(number: int) -> str:
    return checked(f"{number:08d}")


def siret(unit: str, site: int = 1) -> str:
    return checked(f"{unit}{site:04d}")


def unit(number: int, denomination: str | None, **more: object) -> dict[str, object]:
    code = siren(number)
    row: dict[str, object] = {
        "siren": code, "statut_diffusion": "O", "denomination": denomination,
        "etat_administratif": "A", "categorie_juridique": "5710",
        "nic_siege": siret(code)[9:], "personne_morale": True, "nom_complet": denomination,
    }  # fmt: skip
    return row | more


def site(
    number: int, postcode: str | None, city: str | None, *, nic: int = 1, **more: object
) -> dict[str, object]:
    code = siren(number)
    row: dict[str, object] = {
        "siret": siret(code, nic), "siren": code, "nic": siret(code, nic)[9:],
        "statut_diffusion": "O", "siege": nic == 1, "code_postal": postcode,
        "libelle_commune": city, "departement": postcode[:2] if postcode else None,
        "etat_administratif": "A",
    }  # fmt: skip
    return row | more


#: number → who it is: the tests name units by these.
BROCELIANDE, ALPHA_PARIS, ALPHA_LYON, CREABOIS, SCI_CREABOIS = 10000001, 2, 3, 4, 5
SALAD_7, SALAD_8, CLOSED, HEIR, OPPOSED, PERSON, LEMEURTRIER = 6, 7, 8, 9, 10, 11, 12
FRANCHISE = range(20, 26)

UNITS = [
    unit(BROCELIANDE, "BISCUITERIE DE BROCELIANDE"),
    unit(ALPHA_PARIS, "ALPHA CONSEIL"),
    unit(ALPHA_LYON, "ALPHA CONSEIL", categorie_juridique="5499"),
    unit(CREABOIS, "CREA BOIS", sigle="CBX", categorie_juridique="5499"),
    unit(SCI_CREABOIS, "SCI DU MOULIN VERT", categorie_juridique="6540"),
    unit(SALAD_7, "SALAD AND CO 7"),
    unit(SALAD_8, "SALAD AND CO 8"),
    unit(CLOSED, "FONDERIE KERVELLA", etat_administratif="C"),
    unit(HEIR, "NOUVELLE FONDERIE ARMORICAINE"),
    unit(OPPOSED, "TRANQUILLE DISCRETION", statut_diffusion="P"),
    unit(PERSON, None, personne_morale=False, categorie_juridique="1000"),
    unit(LEMEURTRIER, "TRANSPORTS LEMEURTRIER"),
    *(unit(number, f"EXPLOITATION {word}") for number, word in
      zip(FRANCHISE, ("ZEPHYR", "OURAGAN", "MISTRAL", "ALIZE", "SIROCCO", "TRAMONTANE"),
          strict=True)),
    *(unit(number, f"SOCIETE FICTIVE {number} GARAGE") for number in range(100, 160)),
]  # fmt: skip
SITES = [
    site(BROCELIANDE, "35380", "PAIMPONT"),
    site(BROCELIANDE, "35000", "RENNES", nic=2, enseigne_1="LES GALETTES DE VIVIANE"),
    site(ALPHA_PARIS, "75011", "PARIS 11"),
    site(ALPHA_LYON, "69003", "LYON 3EME"),
    site(CREABOIS, "44000", "NANTES"),
    site(SCI_CREABOIS, "44100", "NANTES"),
    site(SALAD_7, "13001", "MARSEILLE 1ER"),
    site(SALAD_8, "13002", "MARSEILLE 2EME"),
    site(CLOSED, "29200", "BREST", etat_administratif="F"),
    site(HEIR, "29200", "BREST"),
    site(OPPOSED, None, "QUIMPER", departement="29", statut_diffusion="P"),
    site(PERSON, "56000", "VANNES", enseigne_1="L'ATELIER DU GOLFE"),
    site(LEMEURTRIER, "14000", "CAEN"),
    *(site(number, f"{10 + 3 * place}000", f"VILLE {place}", enseigne_1="PIZZA VELOCE")
      for place, number in enumerate(FRANCHISE)),
    *(site(number, "63000", "CLERMONT-FERRAND") for number in range(100, 160)),
]  # fmt: skip
SUCCESSIONS = [
    {
        "siret_predecesseur": siret(siren(CLOSED)),
        "siret_successeur": siret(siren(HEIR)),
        "date_lien": "2026-01-01",
    }
]


def small_index(folder: Path, *, reverse: bool = False) -> Index:
    """Build the hand-made registry, optionally from rows in the opposite order."""
    step = -1 if reverse else 1
    return build_index(
        pl.LazyFrame(UNITS[::step], schema=UNIT_SCHEMA),
        pl.LazyFrame(SITES[::step], schema=ESTABLISHMENT_SCHEMA),
        folder,
        successions=pl.LazyFrame(SUCCESSIONS),
    )


def leads(*rows: dict[str, str | None]) -> pl.DataFrame:
    """Return leads of one account from their fields; ids are numbered where absent."""
    filled = [
        {"lead_id": f"L-{place}", "account_id": "acme", **row} for place, row in enumerate(rows)
    ]
    return pl.from_dicts(filled, infer_schema_length=None).cast(pl.String)


def _official(month: str, table: str) -> pl.DataFrame:
    with zipfile.ZipFile(SAMPLE / "sirene" / month / f"stock-{table}-csv.zip") as archive:
        content = archive.read(archive.namelist()[0])
    rows = pl.read_csv(content, infer_schema=False)
    return rows.rename({name: _column(name) for name in rows.columns})


def _column(official: str) -> str:
    """Return our name of an official column: ``codePostalEtablissement`` → ``code_postal``."""
    bare = re.sub(r"(UniteLegale|Etablissement)$", "", official)
    snake = re.sub(r"(?<=[a-z])(?=[A-Z0-9])", "_", bare).lower()
    return {"etablissement_siege": "siege"}.get(snake, snake)


def sample_index(folder: Path, month: str = "2017-05-01") -> Index:
    """Build the index of one month of the bundled sample."""
    units = _official(month, "stockunitelegale").with_columns(
        pl.col("denomination").alias("nom_complet"),
        pl.lit(True).alias("personne_morale"),
    )
    sites = _official(month, "stocketablissement").with_columns(
        pl.col("siege") == "true",
        pl.col("code_commune").str.slice(0, 2).replace("97", None).alias("departement"),
    )
    links = _official(month, "stocketablissementlienssuccession").rename(
        {
            "siret_etablissement_predecesseur": "siret_predecesseur",
            "siret_etablissement_successeur": "siret_successeur",
            "date_lien_succession": "date_lien",
        }
    )
    return build_index(units.lazy(), sites.lazy(), folder, successions=links.lazy())


def of_france(small: Index) -> Index:
    """Return the registry as if it were that of all of France."""
    return replace(small, meta=small.meta | {"rows": small.meta["rows"] | {"units": 29_000_000}})
