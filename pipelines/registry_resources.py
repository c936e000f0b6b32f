"""The files of Sirene that only the index of the registry reads.

Belongs here: what is read of the histories and of the list of duplicates. Does not belong
here: the three files of every month (``assets/sirene/dataset.yml``), what becomes of the
rows (``registry``).

Source: Insee, descriptions of StockUniteLegaleHistorique, StockEtablissementHistorique and
StockDoublons. Only the columns used are named: the others stay in the files.
"""

from __future__ import annotations

from opendata.catalogue import Column, Luhn, Resource

#: La Poste numbers its establishments otherwise; see ``assets/sirene/dataset.yml``.
_SIRET = Luhn(exempt_prefix="356000000", exempt_digit_sum_multiple_of=5)


def _siren(name: str, fr: str, en: str, source: str | None = None) -> Column:
    return Column(
        name=name, source=source, type="code", nullable=False, pattern="[0-9]{9}", luhn=Luhn(),
        fr=fr, en=en, personal="company",
    )  # fmt: skip


def _name(name: str, source: str, fr: str, en: str) -> Column:
    return Column(name=name, source=source, fr=fr, en=en, personal="sole_trader")


UNIT = _siren("siren", "Numéro SIREN de l'unité légale", "SIREN number of the legal unit")
#: Last day of the period; empty for the one that still runs, whose names the stock file has.
END = Column(name="date_fin", source="dateFin", type="code", fr="Fin de la période",
             en="End of the period")  # fmt: skip

UNIT_HISTORY = Resource(
    name="unite-legale-historique",
    id="0835cd60-2c2a-497b-bc64-404de704ce89",
    format="csv",
    archive="zip",
    columns=(
        UNIT,
        END,
        _name("denomination", "denominationUniteLegale", "Raison sociale d'une période passée",
              "Registered name in a past period"),
        *(
            _name(f"denomination_usuelle_{number}", f"denominationUsuelle{number}UniteLegale",
                  f"Nom usuel n° {number} d'une période passée",
                  f"Name in use no. {number} in a past period")
            for number in (1, 2, 3)
        ),
    ),
)  # fmt: skip

ESTABLISHMENT_HISTORY = Resource(
    name="etablissement-historique",
    id="88fbb6b4-0320-443e-b739-b4376a012c32",
    format="csv",
    archive="zip",
    columns=(
        UNIT,
        Column(name="siret", type="code", nullable=False, pattern="[0-9]{14}", luhn=_SIRET,
               fr="Numéro SIRET de l'établissement", en="SIRET number of the establishment",
               personal="company"),
        END,
        *(
            _name(f"enseigne_{number}", f"enseigne{number}Etablissement",
                  f"Enseigne n° {number} d'une période passée",
                  f"Shop sign no. {number} in a past period")
            for number in (1, 2, 3)
        ),
        _name("denomination_usuelle", "denominationUsuelleEtablissement",
              "Nom commercial d'une période passée", "Trade name in a past period"),
    ),
)  # fmt: skip

DUPLICATES = Resource(
    name="doublons",
    id="stock-doublons",
    format="csv",
    archive="zip",
    columns=(
        _siren("siren", "SIREN retenu de l'unité légale", "SIREN number that stands"),
        _siren("siren_doublon", "SIREN attribué par erreur à la même unité",
               "SIREN number given to the same unit by mistake", "sirenDoublon"),
    ),
)  # fmt: skip
