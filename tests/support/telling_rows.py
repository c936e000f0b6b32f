"""For each signal, the least that makes its rule speak: one row, and what stands around it.

Belongs here: those rows, which are specification fixtures (*synthetic*) about real companies, and
the worlds they stand in, moved in time or without the row. Does not belong here: what the rules
must make of them (``tests/signals/test_detectors_guards.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from event_worlds import State, World, rows
from register_lists import Lists
from signal_tables import ARRIVAL, AWARD, CREATION, DECLARATION, OPENING, SALE, change

from signals.base import Frames

Row = Mapping[str, Any]
#: Who is not the company of the case: its rows are in every list.
OTHER_SIREN = "382456051"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One row that tells one event.

    Attributes:
        code: the signal.
        table: where the row stands.
        row: the row.
        today: a day on which it is news.
        siren: column that says whose event it is.
        company: what the event says of who it is about.
        around: table → rows that were there before and are there still.
        was: the row when last looked at; none if it is new.
        stays: the row was there before as it is: time alone tells.
        gone: the row was in a list two lists ago and in none since.
        since: the day of the last look.
    """

    code: str
    table: str
    row: Row
    today: date
    siren: str = "siren"
    company: str | None = None
    around: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    was: Row | None = None
    stays: bool = False
    gone: bool = False
    since: date = date(2000, 1, 1)

    def frames(self, today: date | None = None, **values: Any) -> Frames:
        """Return the tables on ``today``, the row with other ``values``."""
        return self.among({**self.row, **values}, today=today)

    def among(self, *told: Row, today: date | None = None) -> Frames:
        """Return the tables with ``told`` in place of the row."""
        day = today or self.today
        around = {self.table: (), **self.around}
        if self.gone:
            left = around[self.table]
            return Lists(day, {self.table: [[*left, *told], left, left]}, published=self.today)
        before = told if self.stays else () if self.was is None else (self.was,)
        return World(day, self._state(told), self._state(before), self.since)

    def dropped(self) -> Frames:
        """Return the tables whose row is not there any more."""
        return World(self.today, self._state(()), self._state((self.row,)), self.since)

    def _state(self, told: Sequence[Row]) -> State:
        around = {self.table: (), **self.around}
        return {
            name: rows(name, *known, *(told if name == self.table else ()))
            for name, known in around.items()
        }


def _cases(**shared: Any) -> Any:
    return lambda code, row, **values: Case(code=code, row=row, **{**shared, **values})


_change = _cases(table="sirene_changes", today=date(2017, 4, 11), company="company")
_SIRENE = [
    _change("site_opened", change("establishment_opened")),
    _change("site_closed", change("establishment_closed")),
    _change("hq_moved", change("hq_moved", other_siret="03897544700012")),
    _change("company_created", change("unit_created")),
    _change("company_closed", change("unit_closed", before="A", after="C")),
    _change("company_reactivated", change("unit_reactivated", before="C", after="A")),
    _change(
        "site_taken_over",
        change(
            "establishment_taken_over", siret="38245605100038", siren="382456051",
            other_siret="44786174100015",
        ),
    ),
    _change("renamed", change("unit_renamed", column="denomination", before="A", after="B")),
    _change(
        "activity_changed",
        change(
            "unit_activity_changed", column="activite_principale", before="81.10Z", after="68.32A"
        ),
    ),
    _change(
        "legal_form_changed",
        change(
            "unit_legal_form_changed", column="categorie_juridique", before="5499", after="5710"
        ),
    ),
    _change(
        "first_employee",
        change("unit_became_employer", column="caractere_employeur", before="N", after="O"),
    ),
    _change(
        "headcount_band_up",
        change("unit_headcount_changed", column="tranche_effectifs", before="03", after="11"),
    ),
    _change(
        "headcount_band_down",
        change("unit_headcount_changed", column="tranche_effectifs", before="11", after="03"),
    ),
    _change(
        "size_class_up",
        change(
            "unit_size_class_changed", column="categorie_entreprise", before="PME", after="ETI"
        ),
    ),
    _change(
        "mission_or_ess_status",
        change("unit_mission_changed", column="societe_mission", before="N", after="O"),
    ),
]  # fmt: skip

_judged = _cases(table="bodacc__insolvencies", today=date(2008, 1, 31), company="company")
_modified = _cases(table="bodacc__modifications", today=date(2025, 6, 30), company="company")
_CHANGE = {
    "notice_id": "B202501222451", "date_parution": date(2025, 6, 27), "type_avis": "annonce",
    "siren": "552032534", "company_name": "DANONE", "capital_eur": 160_948_000.0,
}  # fmt: skip
_FILING = {
    "notice_id": "C202500182618", "date_parution": date(2025, 1, 26), "type_avis": "annonce",
    "siren": "752461681", "type_depot": "Comptes annuels", "date_cloture": date(2024, 8, 31),
    "consolidated": False, "confidential": False,
}  # fmt: skip
_BODACC = [
    Case(code="business_acquired", table="bodacc__sales", row=SALE, today=date(2021, 1, 8),
         siren="buyer_siren", company="company"),
    Case(code="business_sold", table="bodacc__sales", row=SALE, today=date(2021, 1, 8),
         siren="seller_siren", company="company"),
    Case(
        code="business_sold", table="bodacc__disposals", today=date(2021, 1, 8),
        siren="seller_siren", company="company",
        row={
            **{name: SALE[name] for name in set(SALE) - {"buyer_siren", "buyer_name",
                                                         "seller_is_person"}},
            "buyer_is_person": True,
        },
    ),
    Case(code="hq_moved_in", table="bodacc__registrations", row=ARRIVAL, today=date(2021, 1, 8),
         company="company"),
    Case(code="company_created", table="bodacc__registrations", row=CREATION,
         today=date(2021, 1, 8), company="company"),
    _judged("insolvency_opened", OPENING),
    _judged("insolvency_plan", {**OPENING, "stage": "plan", "procedure": None,
                                "jugement_nature": "Jugement de plan de redressement"}),
    _judged("insolvency_closed", {**OPENING, "stage": "closure", "jugement_nature":
                                  "Jugement de clôture pour extinction du passif"}),
    _modified("management_change", {**_CHANGE, "administration": True}),
    _modified("capital_change", {**_CHANGE, "capital": True}),
    _modified("merger", {**_CHANGE, "fusion": True, "merger_role": "absorbing",
                         "other_siren": "752461681"}),
    _modified("company_absorbed", {**_CHANGE, "fusion": True, "merger_role": "absorbed",
                                   "other_siren": "752461681"}),
    Case(code="accounts_filed", table="bodacc__accounts", row=_FILING, today=date(2025, 1, 26),
         company="company"),
    Case(
        code="late_accounts", table="bodacc__accounts", row=_FILING, today=date(2026, 7, 2),
        company="company", stays=True, since=date(2026, 6, 25),
        around={"bodacc__accounts": [{
            **_FILING, "siren": "552032534", "notice_id": "C202601230001",
            "date_parution": date(2026, 7, 2), "date_cloture": date(2025, 12, 31),
        }]},
    ),
    Case(
        code="struck_off", table="bodacc__strike_offs", today=date(2025, 1, 26), company="company",
        row={
            "notice_id": "B202500010001", "date_parution": date(2025, 1, 2), "type_avis": "annonce",
            "siren": "752461681", "ex_officio": False, "reported": False, "moved_away": False,
        },
    ),
    Case(
        code="lease_management", table="bodacc__leases", today=date(2021, 1, 11), company="company",
        row={
            "notice_id": "A20210005483", "date_parution": date(2021, 1, 8), "type_avis": "annonce",
            "siren": "892455247", "company_name": "AFRO-TRESSE", "operator_siren": "520598459",
            "date_commencement": date(2020, 10, 1), "code_postal": "75018", "ville": "Paris",
        },
    ),
]  # fmt: skip

_AWARDED = {**AWARD, "date_premiere_notification": date(2025, 1, 1)}
_UPKEEP = {
    **AWARD, "uid": "upkeep", "code_cpv": "90470000-2", "date_notification": date(2019, 2, 4),
    "date_premiere_notification": date(2019, 2, 4), "duree_mois": 24, "duree_initiale_mois": 24,
    "montant_eur": 200_000.0, "montant_initial_eur": 200_000.0, "modifications": 0,
}  # fmt: skip
_won = _cases(table="decp__awards", siren="titulaire_siren", today=date(2025, 1, 10))
_OTHERS_WIN = {
    **_UPKEEP, "uid": "older", "titulaire_siren": OTHER_SIREN, "titulaire_id": "38245605100004",
}  # fmt: skip
_STREAK = [
    {**_AWARDED, "uid": f"streak {n}", "acheteur_id": f"1300189890001{n}",
     "date_premiere_notification": date(2024, 12, n + 1)} for n in range(2)
]  # fmt: skip
_DECP = [
    _won("contract_won", _AWARDED),
    _won("big_win", {**_AWARDED, "montant_eur": 2_500_000.0}),
    _won("first_public_contract", _AWARDED, around={"decp__awards": [_OTHERS_WIN]}),
    _won("winning_streak", _AWARDED, around={"decp__awards": [_OTHERS_WIN, *_STREAK]}),
    _won(
        "contract_extension", {**_UPKEEP, "date_notification": date(2025, 1, 2), "duree_mois": 30},
        was=_UPKEEP,
    ),
    _won(
        "contract_renewal_window", _UPKEEP, stays=True, today=date(2020, 5, 20),
        since=date(2020, 5, 1),
    ),
]  # fmt: skip

_declared = _cases(table="egapro__declarations", today=date(2021, 3, 15))
_LAST = {
    "siren": "552032534", "date_cloture": date(2023, 12, 31), "type_bilan": "C",
    "chiffre_affaires_eur": 1_200_000.0, "resultat_net_eur": 50_000.0,
}  # fmt: skip
_FORMER = {
    **_LAST, "date_cloture": date(2022, 12, 31), "chiffre_affaires_eur": 1_000_000.0,
    "resultat_net_eur": 40_000.0,
}  # fmt: skip


def _year(code: str, former: Row, **values: Any) -> Case:
    around = {"ratios__years": [{**_FORMER, **former}]}
    row = {**_LAST, **values}
    return Case(
        code=code, table="ratios__years", row=row, today=date(2024, 7, 1), around=around
    )  # fmt: skip


_ACCOUNTS = [
    _declared("egapro_index_below_75", DECLARATION),
    _declared(
        "egapro_first_declaration", DECLARATION,
        around={"egapro__declarations": [{**DECLARATION, "siren": OTHER_SIREN, "annee": 2019}]},
    ),
    _year("revenue_growth", {}),
    _year("revenue_drop", {}, chiffre_affaires_eur=800_000.0),
    _year("turned_to_loss", {}, resultat_net_eur=-50_000.0),
    _year("turned_to_profit", {"resultat_net_eur": -40_000.0}),
]  # fmt: skip

_PERMIT = {
    "fichier": "locaux", "type_autorisation": "PC", "numero": "09304824B0468", "etat": "2",
    "siren": "934043704", "denomination": "ORTHODONTIE KLEBER", "categorie_juridique": "6540",
    "activite_principale": "52.10B", "departement": "93", "commune": "93048", "destination": "8",
    "surface_m2": 8000, "date_autorisation": date(2024, 11, 26),
}  # fmt: skip
_permit = _cases(table="sitadel__permits", today=date(2025, 1, 6), company="company")
_SITADEL = [
    _permit("premises_authorised", _PERMIT),
    _permit("works_started", {**_PERMIT, "date_ouverture_chantier": date(2024, 12, 20)},
            was=_PERMIT),
    _permit("works_finished", {**_PERMIT, "date_achevement": date(2024, 12, 20)}, was=_PERMIT),
]  # fmt: skip

_LABEL = {
    "siret": "84370107900017", "siren": "843701079", "nom_entreprise": "COUVERTURE EXEMPLE SARL",
    "code_qualification": "3111D111", "domaine": "Isolation des combles perdus",
    "date_debut": date(2026, 3, 1), "date_fin": date(2030, 2, 28),
}  # fmt: skip
_labelled = _cases(
    table="rge__qualifications", today=date(2026, 3, 10),
    around={"rge__qualifications": [{**_LABEL, "siret": "38245605100004", "siren": OTHER_SIREN}]},
)  # fmt: skip
_BODY = {
    "numero_declaration": "11755762075", "siren": "356000000", "siret": "35600000000048",
    "denomination": "LA POSTE", "qualiopi": True, "certifications": "Actions de formations",
    "stagiaires": 309, "formateurs": 77, "publication_date": date(2024, 12, 16),
}  # fmt: skip
_trained = _cases(
    table="organismes_formation__declarations", today=date(2024, 12, 16),
    around={"organismes_formation__declarations": [
        {**_BODY, "siren": OTHER_SIREN, "numero_declaration": "76310000001"}]},
)  # fmt: skip
_SHOW = {
    "numero_recepisse": "PLATESV-R-2021-006658", "categorie": 2, "siren": "800329849",
    "siret": "80032984900023", "raison_sociale": "THEATRE STEPHANE GILDAS",
    "personne_morale": True, "statut": "valide", "renouvellement": False,
    "date_depot": date(2021, 5, 27), "date_validite": date(2021, 7, 11),
}  # fmt: skip
_shown = _cases(table="spectacle__licences", company="company")
_OPERATOR = {
    "numero_bio": "200807", "siret": "30247464801571", "siren": "302474648",
    "raison_sociale": "SAS NATURALIA SAINT OUEN PERI", "certifie": True,
    "date_premier_engagement": date(2018, 2, 15), "date_engagement": date(2018, 2, 15),
}  # fmt: skip
_organic = _cases(
    table="agence_bio__operators", today=date(2018, 3, 1),
    around={"agence_bio__operators": [
        {**_OPERATOR, "siret": "38245605100004", "siren": OTHER_SIREN, "numero_bio": "1"}]},
)  # fmt: skip
_LABELS = [
    _labelled("rge_gained", _LABEL),
    _labelled("rge_lost", {**_LABEL, "date_fin": date(2026, 2, 28)}, gone=True),
    _labelled("rge_expiring", {**_LABEL, "date_fin": date(2026, 6, 7)}, stays=True,
              since=date(2026, 3, 7)),
    _trained("qualiopi_gained", _BODY),
    _trained("qualiopi_lost", _BODY, gone=True),
    _shown("licence_spectacle_gained", _SHOW, today=date(2021, 7, 20)),
    _shown("licence_spectacle_expiring", _SHOW, stays=True, today=date(2026, 4, 13),
           since=date(2026, 4, 10)),
    _organic("organic_gained", _OPERATOR),
    _organic("organic_lost", _OPERATOR, gone=True),
]  # fmt: skip

_AGREEMENT = {
    "agreement_id": "ACCOTEXT1", "numero": "T03526000001", "nature": "ACCORD",
    "siren": "325090728", "siret": "32509072800057", "theme_codes": "111",
    "themes": "Couverture complémentaire santé - maladie", "date_texte": date(2026, 3, 26),
}  # fmt: skip
_agreed = _cases(table="acco__agreements", today=date(2026, 4, 28))
_REPORT = {
    "siren": "325090728", "annee": 2022, "raison_sociale": "EXEMPLE DISTRIBUTION",
    "date_publication": date(2026, 2, 20), "structure_obligee": True,
}  # fmt: skip
_HERITAGE = {
    "siret": "38245605100004", "siren": "382456051", "raison_sociale": "EXEMPLE TISSAGE",
    "date_debut": date(2026, 2, 15), "date_fin": date(2031, 2, 14),
}  # fmt: skip
_heritage = _cases(table="epv__labels", today=date(2026, 3, 10))
_OTHER_REGISTERS = [
    _agreed("agreement_signed", _AGREEMENT),
    _agreed("restructuring_agreement", {**_AGREEMENT, "theme_codes": "077",
                                        "themes": "Plan de sauvegarde de l'emploi (PSE)"}),
    _agreed("agreement_expiring", {**_AGREEMENT, "date_fin": date(2026, 10, 26)}, stays=True,
            since=date(2026, 4, 20)),
    Case(code="carbon_report_published", table="beges__reports", row=_REPORT,
         today=date(2026, 3, 10)),
    Case(
        code="carbon_report_due", table="beges__reports", row=_REPORT, today=date(2026, 3, 10),
        stays=True, since=date(2025, 12, 20),
        around={"sirene__legal_units": [
            {"siren": "325090728", "tranche_effectifs": "41", "etat_administratif": "A"}]},
    ),
    Case(
        code="subsidy_granted", table="aides_ademe__grants", today=date(2026, 3, 10),
        row={"reference_decision": "25IFD0020", "siret": "38245605100004", "siren": "382456051",
             "attribuant": "ADEME", "date_octroi": date(2026, 2, 12), "montant_eur": 185200.6},
    ),
    _heritage("epv_gained", _HERITAGE),
    _heritage("epv_expiring", {**_HERITAGE, "date_fin": date(2026, 9, 4)}, stays=True,
              since=date(2026, 3, 7)),
    Case(
        code="dpo_designated", table="dpo__designations", today=date(2026, 3, 10),
        row={"siren": "382456051", "nom": "EXEMPLE DISTRIBUTION",
             "date_designation": date(2026, 3, 2)},
        around={"dpo__designations": [{"siren": "356000000"}]},
    ),
    Case(
        code="care_site_opened", table="finess__sites", today=date(2026, 3, 10),
        row={"numero_finess": "010780195", "siret": "38245605100004", "siren": "382456051",
             "denomination": "EXEMPLE CLINIQUE", "en_service": True,
             "date_ouverture": date(2026, 3, 2)},
        around={"sirene__establishments": []},
    ),
    Case(
        code="hygiene_to_improve", table="alimconfiance__inspections", today=date(2026, 3, 10),
        row={"siret": "38245605100004", "siren": "382456051", "niveau": 3,
             "date_inspection": date(2026, 3, 2)},
    ),
    Case(
        code="tender_published", table="boamp__notices", today=date(2025, 11, 10),
        siren="acheteur_siren", company="company",
        row={
            "idweb": "25-123573", "date_parution": date(2025, 11, 7), "nature": "APPEL_OFFRE",
            "etat": "INITIAL", "acheteur_siren": "219505989", "date_limite": date(2026, 3, 15),
        },
    ),
]  # fmt: skip

#: Every signal has one; some have one for each of their tables.
CASES: Sequence[Case] = (
    *_SIRENE, *_BODACC, *_DECP, *_ACCOUNTS, *_SITADEL, *_LABELS, *_OTHER_REGISTERS,
)  # fmt: skip
