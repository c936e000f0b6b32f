"""Words that tell a lead which is no French company name from one which is.

Belongs here: short closed lists, in comparable form. Does not belong here: legal forms and
generic words of French names (``sirene.nomenclatures``).
"""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl

from leads.arrays import U64, text_keys

#: What people type where a name is mandatory.
NOT_A_NAME = (
    "TEST", "TESTS", "TEST TEST", "TEST COMPANY", "COMPANY TEST", "ESSAI", "DEMO", "N A", "NA",
    "NC", "ND", "NR", "NSP", "NONE", "NULL", "NIL", "NAN", "UNKNOWN", "INCONNU", "INCONNUE",
    "SANS", "SANS NOM", "AUCUN", "AUCUNE", "VIDE", "NEANT", "PARTICULIER", "PRIVE", "PERSO",
    "SELF EMPLOYED", "FREELANCE", "INDEPENDANT", "RETRAITE", "ETUDIANT", "STUDENT", "COMPANY",
    "ENTREPRISE", "SOCIETE", "ASDF", "AZERTY", "QWERTY", "TBD", "TODO", "A COMPLETER",
    "NOM DE L ENTREPRISE", "COMPANY NAME", "LOREM IPSUM", "FOO", "BAR", "FOO BAR", "STEALTH",
    "STEALTH STARTUP", "STEALTH MODE", "CONFIDENTIEL", "CONFIDENTIAL", "UNDEFINED", "ERROR",
)  # fmt: skip

#: Names and codes of France and of its territories that SIRENE covers.
FRANCE = (
    "FRANCE", "FR", "FRA", "REPUBLIQUE FRANCAISE", "FRENCH REPUBLIC", "FRANCE METROPOLITAINE",
    "GUADELOUPE", "GP", "MARTINIQUE", "MQ", "GUYANE", "GUYANE FRANCAISE", "FRENCH GUIANA", "GF",
    "REUNION", "LA REUNION", "RE", "MAYOTTE", "YT", "SAINT MARTIN", "MF", "SAINT BARTHELEMY",
    "BL", "SAINT PIERRE ET MIQUELON", "PM",
)  # fmt: skip

#: Legal forms of other countries at the end of a name, as one regular expression.
FOREIGN_FORMS = (
    "GMBH|GMBH CO KG|AG|LTD|LIMITED|PLC|LLC|LLP|INC|SRL|S R L|BV|B V|NV|BVBA|SPRL|SLU|SA DE CV|"
    "LDA|APS|OY|OYJ|SP Z O O|SRO|S R O|KFT|PTY|PTE"
)

#: Domains that say nothing of the company: webmail, social networks, site builders.
PLATFORM_DOMAINS = (
    "gmail.com", "googlemail.com", "hotmail.com", "hotmail.fr", "outlook.com", "outlook.fr",
    "live.com", "live.fr", "msn.com", "yahoo.com", "yahoo.fr", "ymail.com", "icloud.com",
    "me.com", "aol.com", "gmx.com", "gmx.fr", "proton.me", "protonmail.com", "orange.fr",
    "wanadoo.fr", "free.fr", "sfr.fr", "neuf.fr", "laposte.net", "bbox.fr", "numericable.fr",
    "club-internet.fr", "facebook.com", "linkedin.com", "instagram.com", "twitter.com", "x.com",
    "youtube.com", "google.com", "business.site", "wixsite.com", "wordpress.com", "jimdo.com",
    "jimdofree.com", "e-monsite.com", "pagesjaunes.fr", "pagespro.com", "over-blog.com",
    "blogspot.com", "webnode.fr", "squarespace.com", "myshopify.com", "github.io", "example.com",
    "example.org", "test.com",
)  # fmt: skip

#: Public suffixes of two parts under which companies register, as a regular expression.
TWO_PART_SUFFIXES = r"co\.uk|org\.uk|com\.fr|asso\.fr|gouv\.fr|nom\.fr|com\.br|com\.au|co\.jp"

#: Words that name a part of France. Of two names that differ by one, each is another branch of
#: a group: they are identity, as numbers are.
AREAS = (
    "NORD", "SUD", "EST", "OUEST", "ILE", "IDF", "ALSACE", "LORRAINE", "CHAMPAGNE", "ARDENNE",
    "AQUITAINE", "AUVERGNE", "BOURGOGNE", "BRETAGNE", "CORSE", "FRANCHE", "COMTE", "LANGUEDOC",
    "ROUSSILLON", "LIMOUSIN", "MIDI", "PYRENEES", "NORMANDIE", "PICARDIE", "POITOU", "CHARENTES",
    "CHARENTE", "PROVENCE", "ALPES", "AZUR", "RHONE", "OCCITANIE", "MEDITERRANEE", "ATLANTIQUE",
    "SAVOIE", "LOIRE", "GIRONDE", "VENDEE", "ARTOIS", "FLANDRES", "CALAIS", "HAINAUT", "VOSGES",
    "JURA", "DROME", "ARDECHE", "ISERE", "DAUPHINE", "VAUCLUSE", "GARONNE", "MOSELLE", "RHIN",
    "MARNE", "SEINE", "EURE", "ANJOU", "MAINE", "BERRY", "TOURAINE", "PERIGORD", "GASCOGNE",
    "BEARN", "CATALOGNE", "PAYS", "PACA", "AURA", "BFC", "NPDC", "HDF", "ANTILLES", "GUADELOUPE",
    "MARTINIQUE", "GUYANE", "REUNION", "PARIS", "LYON", "MARSEILLE", "TOULOUSE", "BORDEAUX",
    "LILLE", "NANTES", "STRASBOURG", "RENNES", "NICE", "MONTPELLIER", "GRENOBLE", "ROUEN", "METZ",
    "NANCY", "DIJON", "TOURS", "ORLEANS", "CAEN", "REIMS", "LIMOGES", "BREST", "TOULON",
)  # fmt: skip

#: Words of bodies that bear the name of something else: the staff committee of a company, the
#: owners of a building, the treasury of a hospital. One more or less is another unit.
BODIES = (
    "CSE", "CE", "COMITE", "COPROPRIETE", "COPRO", "COPROPRIETAIRES", "TRESORERIE", "CCAS",
    "AMICALE", "MUTUELLE", "SYNDICAT", "SYNDICALE", "TOURISME", "LOTISSEMENT", "LOTISSEMENTS",
    "ECOLE", "CRECHE", "CANTINE", "CAMPING", "MUSEE", "CINEMA", "FONDATION", "RETRAITES",
    "PERSONNEL", "ANCIENS", "AMIS", "SPORTIVE", "SPORTIF", "HOLDING", "FINANCE", "FINANCES",
    "FINANCIERE", "PARTICIPATIONS", "INVEST", "INVESTISSEMENT", "INVESTISSEMENTS", "IMMOBILIER",
    "FONCIERE", "MANAGEMENT",
)  # fmt: skip

#: Words that initials pass over.
PASSED_OVER = (
    "A", "AU", "AUX", "D", "DE", "DES", "DU", "EN", "ET", "L", "LA", "LE", "LES", "PAR", "POUR",
    "SUR", "SOUS",
)  # fmt: skip


@cache
def keys_of(words: tuple[str, ...]) -> U64:
    """Return the hashes of words, ascending."""
    return np.sort(text_keys(pl.Series(words)))
