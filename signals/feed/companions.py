"""What the tables beside the log say, column by column.

Belongs here: the models of the companion tables, in the order in which they are exported.
A test holds every exported table to them. Does not belong here: the row of a signal
(:mod:`signals.contract`), making the tables.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from signals.contract import Op, Reason, Row

Polarity = Literal["opportunity", "risk", "suppressor"]
SourceState = Literal["OK", "STALE", "GAP"]
Fit = Literal["fits", "unknown", "outside"]


class Tombstone(Row):
    """A signal that was withdrawn or erased, for who reads snapshots only."""

    sequence: str = Field(description="of the row that ended it")
    signalid: str = Field(description="the logical signal")
    op: Op = Field(description="RETRACT or ERASE")
    reason: Reason | None = Field(description="why it ended")
    recordedtime: datetime = Field(description="when, UTC")


class SourceVersion(Row):
    """A version of a dataset that a row cites: whom to name for it."""

    source_id: str = Field(description="<dataset>@<version>, cited by evidence")
    dataset: str = Field(description="our name of the dataset")
    title: str = Field(description="the publisher's title")
    publisher: str = Field(description="who must be named")
    publisher_url: str = Field(description="home page of the publisher")
    landing_page: str = Field(description="page of the dataset")
    licence_id: str = Field(description="the portal's licence id, e.g. lov2")
    licence_title: str = Field(description="name of the licence")
    licence_url: str = Field(description="text of the licence")
    publication_date: date = Field(description="date of last update, to be shown")
    fetched_at: datetime = Field(description="when it was downloaded, UTC")
    attribution: str = Field(description="sentence to show")


class SourceStatus(Row):
    """How one source stands; a gap is never "no change"."""

    dataset: str = Field(description="our name of the dataset")
    state: SourceState = Field(description="OK, STALE or GAP")
    publication_date: date | None = Field(description="the publisher's date of what serves")
    last_checked: date | None = Field(description="when the portal was last asked")
    message: str | None = Field(description="why it is not OK")


class SignalType(Row):
    """One kind of signal, with what its rule refuses."""

    type: str = Field(description="as in the rows of the log")
    code: str = Field(description="short name")
    family: str = Field(description="group of kinds")
    title_fr: str = Field(description="name, French")
    title_en: str = Field(description="name, English")
    explanation_fr: str = Field(description="why it matters to a seller, French")
    explanation_en: str = Field(description="why it matters to a seller, English")
    polarity: Polarity = Field(description="a suppressor silences the company's opportunities")
    nature: Literal["fact", "inference"] = Field(description="said by a register, or by our rule")
    base_score: int = Field(description="0-100, before confidence, freshness and match")
    half_life_days: int = Field(description="days in which the score halves")
    window_days: int = Field(description="older events are not signalled, younger ones expire then")
    rule_version: str = Field(description="version of the rule")
    inputs: list[str] = Field(description="tables read, the most authoritative first")
    guards: list[str] = Field(description="what the rule refuses")


class Alternative(Row):
    """A company that a lead could also be."""

    siren: str | None = Field(description="the company")
    siret: str | None = Field(description="the establishment")
    name: str | None = Field(description="name in the registry; of legal persons only")
    probability: float | None = Field(description="probability that the lead is this one, 0-1")


class Match(Row):
    """The answer for one lead, also where it is ambiguous or there is none."""

    match_id: str = Field(description="names the answer; joins to the rows of the log")
    lead_id: str = Field(description="the lead")
    account_id: str = Field(description="the tenant")
    verdict: Literal["confirmed", "probable", "ambiguous", "no_match", "not_diffusible"] = Field(
        description="only confirmed and probable leads receive signals"
    )
    siren: str | None = Field(description="the company; null unless confirmed or probable")
    siret: str | None = Field(description="the establishment, where the address tells")
    probability: float | None = Field(description="calibrated, 0-1")
    tier: str | None = Field(description="evidence the lead gave")
    matched_name: str | None = Field(description="name of the registry that was recognised")
    matched_kind: str | None = Field(description="kind of that name, e.g. enseigne")
    reasons: list[str] | None = Field(description="reason codes")
    alternatives: list[Alternative] | None = Field(description="other candidates, best first")
    question: str | None = Field(description="what would settle the doubt")
    matched_at: date = Field(description="when it was answered")
    registry_version: str = Field(description="version of SIRENE asked")
    model_version: str = Field(description="version of the model")


class LeadScore(Row):
    """How one lead stands, all its signals together."""

    account_id: str = Field(description="the tenant")
    lead_id: str = Field(description="the lead")
    siren: str = Field(description="the company it was recognised as")
    score: float = Field(description="0-100; 0 where a suppressor stands")
    opportunity: float = Field(description="what its opportunities add up to")
    risk: float = Field(description="what its risks add up to")
    suppressed_by: str | None = Field(
        description="what silences the company: a signalid, else bodacc:<notice> of a judgment"
    )
    fit: Fit | None = Field(description="whether the company fits the account's profile")
    profile_version: str | None = Field(description="the profile; null where the account has none")
    signals: int = Field(description="number of standing signals")
    signalids: list[str] = Field(description="the signals, best first")
    score_breakdown: str = Field(description="the factors, JSON object")
    as_of: date = Field(description="day of the score")


class Waiting(Row):
    """A signal that a cap or a cool-down of the account's profile holds back for now."""

    account_id: str = Field(description="the tenant")
    signalid: str = Field(description="the logical signal it will have")
    correlationid: str = Field(description="signalid of the company stream")
    lead_id: str = Field(description="the lead")
    type: str = Field(description="as in the rows of the log")
    time: date = Field(description="legal date of the event")
    expirytime: datetime = Field(description="end of relevance, UTC; lost if still waiting then")
    why: Literal["cool_down", "cap_of_signal", "cap_of_account"] = Field(
        description="what holds it back"
    )


class Discovery(Row):
    """A company that is nobody's lead of the account, fits its profile and has fresh news."""

    account_id: str = Field(description="the tenant")
    siren: str = Field(description="the company, a legal person open to prospecting")
    company_name: str | None = Field(description="name in the register")
    departement: str | None = Field(description="of the head office")
    activite_principale: str | None = Field(description="main activity, code")
    nomenclature_activite: str | None = Field(description="of that code: NAFRev2 or NAF2025")
    tranche_effectifs: str | None = Field(description="INSEE's headcount band")
    categorie_juridique: str | None = Field(description="legal form, code")
    score: float = Field(description="0-100, as of a lead")
    opportunity: float = Field(description="what its opportunities add up to")
    risk: float = Field(description="what its risks add up to")
    signals: int = Field(description="number of standing signals")
    signalids: list[str] = Field(description="of the company stream, best first")
    best_type: str = Field(description="type of the best signal")
    best_title_fr: str = Field(description="its title, French")
    best_title_en: str = Field(description="its title, English")
    best_time: date = Field(description="its legal date")
    best_url: str | None = Field(description="page of its first record")
    best_source_id: str | None = Field(description="source of its first record")
    attribution: str | None = Field(description="sentence to show with it")
    profile_version: str = Field(description="the profile it fits")
    as_of: date = Field(description="day of the score")


class Relative(Row):
    """A company that open registers link to a lead's, and what stands about it: inferred."""

    account_id: str = Field(description="the tenant")
    lead_id: str = Field(description="the lead")
    siren: str = Field(description="the lead's company")
    related_siren: str = Field(description="the other company, a legal person")
    related_name: str | None = Field(description="its name in the register")
    link: Literal["succession", "sale", "ues"] = Field(description="what links them")
    role: Literal["predecessor", "successor", "seller", "buyer", "member"] = Field(
        description="of the other company"
    )
    since: date | None = Field(description="date of the latest such link")
    nature: Literal["inference"] = Field(description="never a declared group")
    signals: int = Field(description="number of standing signals on the other company")
    signalids: list[str] = Field(description="of the company stream, best first")
    source_id: str = Field(description="where the link was read")
    record_key: str = Field(description="the publisher's key of that record")


class Company(Row):
    """What the register says of the company that a lead was recognised as."""

    siren: str = Field(description="the company")
    company_name: str | None = Field(description="name in the register; of legal persons only")
    etat_administratif: str | None = Field(description="A active, C closed")
    statut_diffusion: str | None = Field(description="O open, P partial: what is masked is [ND]")
    personne_morale: bool | None = Field(description="a legal person")
    date_creation: date | None = Field(description="of the legal unit")
    categorie_juridique: str | None = Field(description="legal form, INSEE's code")
    categorie_entreprise: str | None = Field(description="PME, ETI or GE, computed by INSEE")
    annee_categorie_entreprise: str | None = Field(description="year that it holds for")
    tranche_effectifs: str | None = Field(description="headcount band; NN is not known or none")
    annee_effectifs: str | None = Field(description="year that it holds for")
    activite_principale: str | None = Field(description="main activity, code")
    nomenclature_activite: str | None = Field(description="of that code, e.g. NAFRev2")
    activite_principale_naf25: str | None = Field(description="main activity in NAF 2025")
    ess: str | None = Field(description="O if of the social economy")
    societe_mission: str | None = Field(description="O if société à mission")
    siret_siege: str | None = Field(description="establishment that is the head office")
    code_postal: str | None = Field(description="of the head office, of legal persons only")
    code_commune: str | None = Field(description="of the head office, INSEE's code")
    libelle_commune: str | None = Field(description="name of that commune")
    departement: str | None = Field(description="of the head office")
    source_id: str = Field(description="version of the register; joins to sources")


class Contradiction(Row):
    """What two registers say of one company and cannot both be true; neither is accused."""

    contradiction_id: str = Field(description="the same at each computation")
    siren: str = Field(description="the company")
    siret: str | None = Field(description="the establishment; null if it is the company itself")
    kind: str = Field(description="kind of contradiction")
    left_field: str = Field(description="table and column of the first register")
    left_source_id: str | None = Field(description="its version; joins to sources")
    left_value: str | None = Field(description="what the first register says")
    left_date: date | None = Field(description="date of what it says; null if it gives none")
    right_field: str = Field(description="table and column of the second register")
    right_source_id: str | None = Field(description="its version; joins to sources")
    right_value: str | None = Field(description="what the second register says")
    right_record_key: str | None = Field(description="key of the record of the second register")
    right_date: date | None = Field(description="date of what it says")
    since: date | None = Field(description="day since which the two contradict each other")
    note_fr: str = Field(description="the contradiction in a sentence, French")
    note_en: str = Field(description="the contradiction in a sentence, English")


#: table → its model and its key.
COMPANIONS: dict[str, tuple[type[Row], tuple[str, ...]]] = {
    "tombstones": (Tombstone, ("signalid",)),
    "sources": (SourceVersion, ("source_id",)),
    "source_status": (SourceStatus, ("dataset",)),
    "signal_types": (SignalType, ("type",)),
    "contradictions": (Contradiction, ("contradiction_id",)),
    "matches": (Match, ("account_id", "lead_id")),
    "companies": (Company, ("siren",)),
    "lead_scores": (LeadScore, ("account_id", "lead_id", "siren")),
    "waiting": (Waiting, ("signalid",)),
    "discovery": (Discovery, ("account_id", "siren")),
    "groups": (Relative, ("account_id", "lead_id", "siren", "related_siren", "link", "role")),
}
#: Tables that only the streams of accounts have.
OF_ACCOUNTS = ("matches", "companies", "lead_scores", "waiting", "discovery", "groups")
