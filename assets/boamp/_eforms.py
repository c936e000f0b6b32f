"""Reading the European forms (eForms, UBL) that BOAMP publishes as JSON in a string.

Belongs here: organisations, winners and amounts out of the tree, as Polars expressions. Does not
belong here: which notice feeds which table. Source: eForms SDK, and notices of November 2025.
"""

from __future__ import annotations

import polars as pl

from opendata.catalogue import Luhn
from opendata.checkdigits import luhn_valid

#: Notices whose tree is read, in the order in which they are looked for.
FORMS = ("ContractNotice", "ContractAwardNotice", "PriorInformationNotice")
#: La Poste has more establishments than Luhn leaves room for.
_SIRET = Luhn(exempt_prefix="356000000", exempt_digit_sum_multiple_of=5)
_EXTENSION = "['ext:UBLExtensions']['ext:UBLExtension']['ext:ExtensionContent']"
_FORM = "['efext:EformsExtension']"
ORGANISATIONS = f"{_EXTENSION}{_FORM}['efac:Organizations']['efac:Organization']"
RESULT = f"{_EXTENSION}{_FORM}['efac:NoticeResult']"
BUYER = "['cac:ContractingParty']['cac:Party']['cac:PartyIdentification']['cbc:ID']"
BUYERS = "['cac:ContractingParty'][0]['cac:Party']['cac:PartyIdentification']['cbc:ID']"
_CLASSIFIED = "['cac:MainCommodityClassification']['cbc:ItemClassificationCode']"
CPV = f"['cac:ProcurementProject']{_CLASSIFIED}"


def tree(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Add ``notice``: the tree below the name of the form; null for the older forms."""
    found = [pl.col("donnees").str.json_path_match(f"$['EFORMS']['{form}']") for form in FORMS]
    return rows.with_columns(notice=pl.coalesce(found))


def text(column: str, *ways: str) -> pl.Expr:
    """Return the first value found: a text, or the ``#text`` beside attributes."""
    found = []
    for way in ways:
        plain = pl.col(column).str.json_path_match(f"${way}")
        found.append(pl.col(column).str.json_path_match(f"${way}['#text']"))
        found.append(pl.when(plain.str.starts_with("{").not_() & (plain != "")).then(plain))
    return pl.coalesce(found).str.strip_chars()


def items(rows: pl.LazyFrame, column: str, way: str, *kept: str) -> pl.LazyFrame:
    """Return ``kept`` and ``item`` for each element at ``way``, one object or an array of them."""
    found = rows.select(*kept, block=pl.col(column).str.json_path_match(f"${way}"))
    one = found.filter(pl.col("block").str.starts_with("{")).with_columns(item="block")
    # Each element is at least one object, so braces bound their number from above.
    braces = pl.col("block").str.count_matches("{", literal=True)
    several = (
        found.filter(pl.col("block").str.starts_with("["))
        .with_columns(position=pl.int_ranges(0, braces, dtype=pl.Int32))
        .explode("position")
        .with_columns(item=pl.col("block").str.json_path_match(pl.format("$[{}]", "position")))
    )
    return pl.concat([one.select(*kept, "item"), several.select(*kept, "item")]).filter(
        pl.col("item").is_not_null()
    )


def siret(value: pl.Expr) -> pl.Expr:
    """Return the SIRET written in ``value`` with any spacing; null if it is none."""
    digits = value.str.replace_all(r"[\s.]", "")
    right = (
        digits.str.contains(r"^\d{14}$")
        & luhn_valid(digits, _SIRET, width=14)
        & luhn_valid(digits.str.head(9), Luhn(), width=9)
    )
    return pl.when(right).then(digits)


def organisations(notices: pl.LazyFrame) -> pl.LazyFrame:
    """Return idweb, organisation (``ORG-0001``) and siret (valid or null) of each party."""
    company = "['efac:Company']"
    return (
        items(notices, "notice", ORGANISATIONS, "idweb")
        .select(
            "idweb",
            organisation=text("item", f"{company}['cac:PartyIdentification']['cbc:ID']"),
            siret=siret(text("item", f"{company}['cac:PartyLegalEntity']['cbc:CompanyID']")),
        )
        .filter(pl.col("organisation").is_not_null())
        .unique(["idweb", "organisation"], keep="first", maintain_order=True)
    )


def winners(notices: pl.LazyFrame) -> pl.LazyFrame:
    """Return one row per settled contract and winner, with the amount of the tender.

    A contract names its tenders, a tender its party, a party its members, a member its
    organisation: the four lists stand side by side.
    """
    result = notices.select("idweb", result=pl.col("notice").str.json_path_match(f"${RESULT}"))
    contracts = items(result, "result", "['efac:SettledContract']", "idweb").select(
        "idweb",
        "item",
        contrat=text("item", "['cbc:ID']"),
        date_contrat=text("item", "['cbc:IssueDate']"),
        reference_contrat=text("item", "['efac:ContractReference']['cbc:ID']"),
    )
    own = ("idweb", "contrat", "date_contrat", "reference_contrat")
    tendered = items(contracts, "item", "['efac:LotTender']", *own).select(
        *own, tender=text("item", "['cbc:ID']")
    )
    amount = "['cac:LegalMonetaryTotal']['cbc:PayableAmount']"
    tenders = items(result, "result", "['efac:LotTender']", "idweb").select(
        "idweb",
        tender=text("item", "['cbc:ID']"),
        party=text("item", "['efac:TenderingParty']['cbc:ID']"),
        montant=text("item", amount),
        devise=pl.col("item").str.json_path_match(f"${amount}['@currencyID']"),
    )
    parties = items(result, "result", "['efac:TenderingParty']", "idweb").select(
        "idweb", "item", party=text("item", "['cbc:ID']")
    )
    members = items(parties, "item", "['efac:Tenderer']", "idweb", "party").select(
        "idweb", "party", organisation=text("item", "['cbc:ID']")
    )
    return (
        tendered.join(tenders, on=["idweb", "tender"])
        .join(members, on=["idweb", "party"])
        .join(organisations(notices), on=["idweb", "organisation"])
        .filter(pl.col("siret").is_not_null())
    )
