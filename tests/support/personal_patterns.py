"""What natural persons look like in text: e-mails, telephones, titles, rosters.

Belongs here: the patterns with which tests scan the sample and the exports. They are
written apart from those the sample was built with.
"""

from __future__ import annotations

import re

EMAIL = re.compile(r"[^\s@,;\"]+@[^\s@,;\"]+\.[A-Za-z]{2,}")
PHONE = re.compile(r"(?<![\d.,-])(?:(?:\+|00)33[ .]?|0)[1-9](?:[ .-]\d\d){4}(?![\d])")
TITLE = re.compile(
    r"(?<![\w.&'’-])(?:M\. ?[A-ZÀ-Ý][A-Za-zÀ-ÿ]+|M ET MME|[Cc]hez M(?:\.|me|lle)\b"
    r"|CHEZ (?:M|MR|MME|MLLE)\b"
    r"|(?:Mme|Mlle|Monsieur|Madame|Mademoiselle|Maître|Me|Dr|Docteur"
    r"|MME|MLLE|MONSIEUR|MADAME|MADEMOISELLE|MAÎTRE|MAITRE|DR|DOCTEUR)\.? [A-ZÀ-Ý][A-Za-zÀ-ÿ'’-]+)"
)
#: "rue du Docteur Roux" names a street.
STREET = re.compile(
    r"\b(?:rue|avenue|av|ave|bd|boulevard|place|pl|all(?:ée)?|chemin|che|quai|route|rte|cours|crs"
    r"|square|sq|impasse|imp|passage|cité)\.? (?:du |de la |de |d['’])?"
    r"(?:dr|docteur|maître|maitre|monsieur|madame|mademoiselle|mlle|mme)\b\.?",
    re.IGNORECASE,
)
ROSTER = re.compile(
    r"\b(?:gérante?|présidente?|directeur|directrice|administrateur|administratrice|associée?"
    r"|liquidateur|mandataire|commissaire)(?: [\w'’]+){0,4} : ",
    re.IGNORECASE,
)
PERSON_KEYS = re.compile(
    r'"(?:administration|nom|prenom|nomUsage|opposition|journal|complGeographique)\\*"'
)
