"""What may enter the sample.

Belongs here: the rules that decide whether a text or a SIREN may be bundled (no natural
person, no contact detail) and the check digit. Does not belong here: any source's layout.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[a-z]{2,}", re.IGNORECASE)
PHONE = re.compile(r"(?<![\d.,])(?:\+33|0033|0)[ .]?[1-9](?:[ .-]\d{2}){4}(?!\d)")
#: A title followed by a name. Streets named after someone are removed before the search.
TITLE = re.compile(
    r"(?<![\w.&'’-])(?:M\.\s?[A-ZÀ-Ý][\wÀ-ÿ]+|M\s+(?:ET|OU)\s+MME\b|CHEZ\s+(?:M|MR|MME|MLLE)\b"
    r"|(?:Mme|MME|Mlle|MLLE|Monsieur|MONSIEUR|Madame|MADAME|Mademoiselle|MADEMOISELLE|Maître|MAITRE"
    r"|Maitre|MAÎTRE|Me|Dr|DR|Docteur|DOCTEUR|Mr|MR)\.?\s+[A-ZÀ-Ý][\wÀ-ÿ'’-]+)"
)
STREET = re.compile(
    r"\b(?:rue|avenue|av|ave|bd|boulevard|place|pl|chemin|che|all[ée]e|all|quai|route|rte|cours|crs"
    r"|square|sq|impasse|imp|esplanade|passage|pas|mail|voie|villa|rond[ -]point|rpt|cit[ée]|espace"
    r"|centre|r[ée]sidence|clos|pont|promenade)\.?\s+(?:du|de la|de|d['’])?\s*"
    r"(?:dr|docteur|ma[iî]tre|m(?:onsieur|adame|ademoiselle))\b\.?",
    re.IGNORECASE,
)
#: Legal forms that only a legal person can carry; the proof used where no register says so.
LEGAL_FORM = re.compile(
    r"(?:^|[\s(,.-])(?:SASU?|S\.A\.S\.?U?\.?|SARLU?|S\.A\.R\.L\.?|EURL|E\.U\.R\.L\.?|SNC|S\.N\.C\.?"
    r"|SCOP|SCIC|SELARL|SELAS|SCI|SCP|GIE|SA|S\.A\.?|SEM|SPL|SCA|SOCIETE|STE|SOC)(?:$|[\s),.-])",
    re.IGNORECASE,
)
#: Frequent first names: a typed name of few words holding one may be a person's.
FIRST_NAMES = frozenset((Path(__file__).parent / "first_names.txt").read_text("utf-8").split())


def luhn(digits: str) -> bool:
    """Tell whether ``digits`` satisfies ISO/IEC 7812."""
    if not digits.isdigit():
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0


def siren_ok(siren: str) -> bool:
    """Tell whether ``siren`` has nine digits and a valid check digit."""
    return len(siren) == 9 and luhn(siren)


def siret_ok(siret: str) -> bool:
    """Tell whether ``siret`` has fourteen digits and a valid check digit."""
    return len(siret) == 14 and siren_ok(siret[:9]) and luhn(siret)


def clean(text: str) -> bool:
    """Tell whether ``text`` shows no address, telephone number or titled person."""
    rest = STREET.sub(" ", text)
    return not (EMAIL.search(rest) or PHONE.search(rest) or TITLE.search(rest))


def has_legal_form(name: str) -> bool:
    """Tell whether ``name`` carries a legal form that a natural person cannot have."""
    return bool(LEGAL_FORM.search(name))


def looks_like_person(name: str) -> bool:
    """Tell whether a typed name could be somebody's name: few words, one a first name."""
    bare = re.sub(r"\(.*", "", name)
    words = re.findall(r"[a-zà-ÿ]+", bare.casefold())
    plain = [word.translate(str.maketrans("éèêëàâîïôûüç", "eeeeaaiiouuc")) for word in words]
    return (
        len(words) <= 3 and any(word in FIRST_NAMES for word in plain) and not has_legal_form(name)
    )


def all_clean(texts: Iterable[str | None]) -> bool:
    """Tell whether every text given is :func:`clean`."""
    return all(clean(text) for text in texts if text)
