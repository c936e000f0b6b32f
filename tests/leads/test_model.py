from __future__ import annotations

import pytest
from pydantic import ValidationError

from leads.model import FIELDS, SCHEMA, Lead, data_classes, lead_id_problem


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("marie.durand@exemple.fr", "lead_id_is_an_email"),
        ("06 12 34 56 78", "lead_id_is_a_phone"),
        ("0612345678", "lead_id_is_a_phone"),
        ("+33612345678", "lead_id_is_a_phone"),
        ("0033 6 12 34 56 78", "lead_id_is_a_phone"),
        ("33 6 12 34 56 78", "lead_id_is_a_phone"),
        ("https://www.linkedin.com/in/marie-durand", "lead_id_is_a_profile"),
        ("x" * 201, "lead_id_too_long"),
        ("Marie Durand", "lead_id_not_opaque"),
        ("Éloïse", "lead_id_not_opaque"),
        ("=1+1", "lead_id_not_opaque"),
        ("a\nb", "lead_id_not_opaque"),
    ],
)
def test_ids_that_would_carry_personal_data_are_refused(value: str, rule: str) -> None:
    assert lead_id_problem(value) == rule
    with pytest.raises(ValidationError, match=rule):
        Lead(lead_id=value, account_id="acme")


@pytest.mark.parametrize(
    "value",
    ["0015g00000XyZaBAAV", "29183746512", "L-000001", "6f9619ff-8b86-d011-b42d-00cf4fc964ff",
     "crm:12/7", "1", "552032534", "2024-11-23-17"],
)  # fmt: skip
def test_record_ids_of_usual_tools_are_accepted(value: str) -> None:
    assert Lead(lead_id=value, account_id="acme").lead_id == value


def test_every_field_has_a_data_class_and_a_column() -> None:
    classes = data_classes()
    assert set(classes) == set(SCHEMA) == {*FIELDS, "extra"}
    contact = {name for name, kind in classes.items() if kind == "contact"}
    assert contact == {"phone", "linkedin_url", "contact_name", "contact_email", "extra"}


@pytest.mark.parametrize("account", ["", "../x", "a b", "x" * 65, "-a"])
def test_an_account_must_be_safe_in_a_path(account: str) -> None:
    with pytest.raises(ValidationError):
        Lead(lead_id="1", account_id=account)
