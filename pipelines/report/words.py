"""The report's words in French and English, and how numbers and dates are written in each.

Belongs here: every fixed text of the page. Does not belong here: titles of signals, which
come with the signals.
"""

from __future__ import annotations

from datetime import date
from typing import Literal, get_args

Language = Literal["fr", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
_NARROW = "\u202f"
_MONTHS = {
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "en": "January February March April May June July August September October November December",
}

#: key → French, English.
WORDS: dict[str, tuple[str, str]] = {
    "title": ("Signaux d'achat", "Buying signals"),
    "state_of": ("État au", "As of"),
    "all_accounts": ("Tous les comptes", "All accounts"),
    "account": ("Compte", "Account"),
    "skip": ("Aller au contenu", "Skip to the content"),
    "contents": ("Sommaire", "Contents"),
    "signals": ("signaux", "signals"),
    "companies": ("entreprises", "companies"),
    "leads": ("leads", "leads"),
    "recognised": ("leads reconnus", "leads recognised"),
    "fresh": ("sources à jour", "sources up to date"),
    "by_type": ("Signaux par type", "Signals by type"),
    "type": ("Type", "Type"),
    "of_them_leads": ("dont leads", "of them leads"),
    "by_type_note": (
        "Entreprises signalées, et parmi elles celles de vos leads (trait plein).",
        "Companies signalled, and among them those of your leads (solid part).",
    ),
    "by_week": ("Signaux par semaine", "Signals by week"),
    "by_week_note": (
        "Les {n} dernières semaines avec des signaux, à la date de l'événement ; un espace : "
        "des semaines sans signal.",
        "The last {n} weeks with signals, by date of the event; a space stands for weeks "
        "without any.",
    ),
    "week": ("Semaine", "Week"),
    "as_table": ("Les mêmes chiffres en tableau", "The same figures as a table"),
    "map": ("Carte par département", "Map by département"),
    "map_note": ("Signaux par département de l'entreprise.", "Signals by département."),
    "none": ("aucun", "none"),
    "overseas": ("Outre-mer", "Overseas"),
    "departement": ("Département", "Département"),
    "outlines": ("Contours", "Outlines"),
    "top": ("Leads à contacter", "Leads to contact"),
    "top_note": (
        "Note de 0 à 100 : force du signal, confiance, fraîcheur et reconnaissance du lead.",
        "Score from 0 to 100: strength of the signal, confidence, freshness and match.",
    ),
    "rank": ("Rang", "Rank"),
    "company": ("Entreprise", "Company"),
    "score": ("Note", "Score"),
    "latest": ("Dernier signal", "Latest signal"),
    "match": ("Reconnu", "Match"),
    "why_now": ("Pourquoi maintenant", "Why now"),
    "lead": ("Lead", "Lead"),
    "suppressed": ("opportunités suspendues", "opportunities suspended"),
    "expired": ("échu", "expired"),
    "risk": ("risque", "risk"),
    "opportunity": ("opportunité", "opportunity"),
    "suppressor": ("suspensif", "suppressor"),
    "inference": ("déduit", "inferred"),
    "evidence": ("Preuve", "Evidence"),
    "published": ("publié le", "published"),
    "because": ("Reconnu par", "Recognised by"),
    "quality": ("Qualité de la reconnaissance", "Quality of matching"),
    "confirmed": ("confirmé", "confirmed"),
    "probable": ("probable", "probable"),
    "ambiguous": ("ambigu", "ambiguous"),
    "no_match": ("sans réponse", "no match"),
    "not_diffusible": ("non diffusible", "not diffusible"),
    "verdicts": ("Verdicts", "Verdicts"),
    "reliability": ("Courbe de fiabilité", "Reliability curve"),
    "reliability_note": (
        "Probabilité annoncée et part de réponses justes, sur des leads réels étiquetés mis à "
        "part du calcul du modèle. Sur la diagonale, la probabilité dit vrai.",
        "Stated probability and share of right answers, on labelled real leads kept apart from "
        "the fitting of the model. On the diagonal the probability is true.",
    ),
    "stated": ("probabilité annoncée", "stated probability"),
    "right": ("réponses justes", "right answers"),
    "answers": ("réponses", "answers"),
    "not_measured": (
        "Ce modèle ne porte pas de mesure de fiabilité.",
        "This model carries no measure of reliability.",
    ),
    "sources": ("Sources et fraîcheur", "Sources and freshness"),
    "source": ("Source", "Source"),
    "publisher": ("Producteur", "Publisher"),
    "state": ("État", "State"),
    "updated": ("Mise à jour", "Last update"),
    "licence": ("Licence", "Licence"),
    "OK": ("à jour", "up to date"),
    "STALE": ("en retard", "late"),
    "GAP": ("lacune", "gap"),
    "gap_note": (
        "Une lacune ne veut jamais dire « rien de changé ».",
        "A gap never means “no change”.",
    ),
    "nothing": ("Rien à montrer encore.", "Nothing to show yet."),
    "unofficial": (
        "Réutilisation non officielle : ces producteurs n'ont ni vérifié ni approuvé cette page.",
        "Unofficial reuse: these publishers have neither checked nor approved this page.",
    ),
    "location": ("Implantation", "Location"),
    "lifecycle": ("Vie de l'entreprise", "Life cycle"),
    "identity": ("Identité", "Identity"),
    "transaction": ("Cessions et acquisitions", "Transactions"),
    "procurement": ("Marchés publics", "Public contracts"),
    "insolvency": ("Procédures collectives", "Insolvency"),
    "workforce": ("Effectifs", "Workforce"),
    "equality": ("Égalité", "Equality"),
    "name:exact_full": ("même nom", "same name"),
    "name:exact_core": ("même nom, forme juridique mise à part", "same name but for its form"),
    "name:exact_glued": ("même nom, espaces mis à part", "same name but for spaces"),
    "name:shared_words": ("mots communs", "shared words"),
    "name:similar": ("noms proches", "similar names"),
    "name:acronym": ("sigle", "acronym"),
    "rare_words": ("mots rares", "rare words"),
    "postcode:equal": ("même code postal", "same postcode"),
    "city:equal": ("même ville", "same town"),
    "department:equal": ("même département", "same département"),
    "department:differs": ("autre département", "other département"),
    "siren_given": ("SIREN donné", "SIREN given"),
    "siren_given_not_in_registry": (
        "SIREN donné inconnu du répertoire",
        "SIREN given, unknown to the register",
    ),
}


class Words:
    """The texts of one language."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._at = LANGUAGES.index(language)

    def __call__(self, key: str, **values: object) -> str:
        """Return the text called ``key``; a family or a reason without one shows its own name."""
        texts = WORDS.get(key)
        return texts[self._at].format(**values) if texts else key.replace("_", " ")

    def either(self, texts: tuple[str, str]) -> str:
        """Return the French or the English one of two texts."""
        return texts[self._at]

    def number(self, value: float) -> str:
        """Return a count with its thousands apart."""
        return f"{value:,.0f}".replace(",", _NARROW if self.language == "fr" else ",")

    def decimal(self, value: float, digits: int = 1) -> str:
        """Return a number with ``digits`` decimals."""
        text = f"{value:.{digits}f}"
        return text.replace(".", ",") if self.language == "fr" else text

    def percent(self, share: float) -> str:
        """Return a share of 1 as a percentage."""
        return f"{share * 100:.0f}" + (_NARROW + "%" if self.language == "fr" else "%")

    def day(self, value: date) -> str:
        """Return a date in words."""
        number = "1er" if value.day == 1 and self.language == "fr" else str(value.day)
        return f"{number} {_MONTHS[self.language].split()[value.month - 1]} {value.year}"

    def reason(self, code: str) -> str:
        """Return a reason of a match, e.g. ``postcode:equal``, for people."""
        if code in WORDS:
            return self(code)
        subject, _, finding = code.partition(":")
        if subject == "rare_words":
            return f"{self(subject)} {finding.replace('+', ', ')}"
        return code.replace("_", " ").replace(":", " : " if self.language == "fr" else ": ")
