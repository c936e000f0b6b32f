from __future__ import annotations

import polars as pl
import pytest

from leads.places import address_keys, city_key, department_key, place_keys, postcode_key


def value(expression: pl.Expr, text: str | None) -> str | None:
    frame = pl.DataFrame({"x": [text]}, schema={"x": pl.String})
    found: str | None = frame.select(expression).item()
    return found


@pytest.mark.parametrize(
    ("typed", "code"),
    [("1", "01"), ("01", "01"), ("AIN", "01"), ("Ain (01)", "01"), ("Bas-Rhin", "67"),
     ("CÔTE D'OR", "21"), ("2a", "2A"), ("Réunion", "974"), ("La Réunion", "974"), ("974", "974"),
     ("Bavière", None), ("0", None), ("", None), (None, None)],
)  # fmt: skip
def test_departments(typed: str | None, code: str | None) -> None:
    assert value(department_key(pl.col("x")), typed) == code


@pytest.mark.parametrize(
    ("street", "key"),
    [("12 bis, rue de l'Église Saint-Martin", "35380 12 EGLISE"), ("12 R EGLISE ST MARTIN",
     "35380 12 EGLISE"), ("Rue des Lilas", None), ("12", None), ("12 rue", None), (None, None),
     ("Bât. C, 7 avenue du Maréchal Foch", "35380 7 MARECHAL"), ("7B AV MARECHAL FOCH",
     "35380 7 MARECHAL"), ("ZI 35380", None)],
)  # fmt: skip
def test_addresses(street: str | None, key: str | None) -> None:
    assert keys(street, "35380", "RENNES")[0] == key
    assert keys(street, "35380", "RENNES")[1] == (key and key.replace("35380", "RENNES"))


def keys(street: str | None, postcode: str | None, city: str | None) -> tuple[str | None, ...]:
    schema = dict.fromkeys(("street", "postcode", "city"), pl.String)
    frame = pl.DataFrame([(street, postcode, city)], schema=schema, orient="row")
    return frame.select(address_keys(pl.col("street"))).row(0)


def test_an_address_is_known_by_postcode_or_by_commune() -> None:
    assert keys("7 rue Foch", None, "BREST") == (None, "BREST 7 FOCH")
    assert keys("7 rue Foch", "29200", None) == ("29200 7 FOCH", None)


@pytest.mark.parametrize(
    ("typed", "key"),
    [("PARIS 11", "PARIS"), ("Paris 11e  Arrondissement", "PARIS"), ("LYON 2EME", "LYON"),
     ("St-Étienne Cedex 09", "SAINT ETIENNE"), ("STE FOY", "SAINTE FOY"), ("Le Mans", "MANS"),
     ("L'Haÿ-les-Roses", "HAY LES ROSES"), ("  ", None), ("75", None), ("Île-de-France", None),
     ("IDF", None), ("PACA", None), ("Provence-Alpes-Côte d'Azur", None), ("RP", None),
     ("Hauts de France", None), ("Rhône-Alpes", None), ("France", None), ("Paris 8e", "PARIS"),
     ("Saint-Martin", "SAINT MARTIN"), ("Vienne", "VIENNE")],
)  # fmt: skip
def test_cities(typed: str, key: str | None) -> None:
    assert value(city_key(pl.col("x")), typed) == key


@pytest.mark.parametrize(
    ("typed", "code"),
    [("75011", "75011"), ("F-75011", "75011"), ("75011.0", "75011"), ("7501", None),
     ("750111", None)],
)  # fmt: skip
def test_postcodes(typed: str, code: str | None) -> None:
    assert value(postcode_key(pl.col("x")), typed) == code


def test_the_department_is_read_from_the_postcode_only_if_not_given() -> None:
    rows = [("20090", None, None), ("20200", None, None), ("75011", None, "92")]
    frame = pl.DataFrame(rows, schema=dict.fromkeys("pcd", pl.String), orient="row")
    found = frame.select(place_keys("p", "c", "d"))
    assert found["department"].to_list() == ["2A", "2B", "92"]


@pytest.mark.parametrize(
    ("postcode", "city", "found"),
    [(None, "Paris 8e", ("75008", "PARIS", "75")), (None, "LYON 03", ("69003", "LYON", "69")),
     (None, "Paris Cedex 08", ("75008", "PARIS", "75")),
     (None, "Marseille 16ème arrondissement", ("13016", "MARSEILLE", "13")),
     (None, "Paris 21", (None, "PARIS", None)), ("69", None, (None, None, "69")),
     (None, "69", (None, None, "69")), (None, "75008 Paris", ("75008", "PARIS", "75")),
     (None, "2A", (None, None, "2A")), (None, "IDF", (None, None, None)),
     ("13001", "Paris 8e", ("13001", "PARIS", "13")), (None, "Lille", (None, "LILLE", None))],
)  # fmt: skip
def test_what_people_type_for_a_place(
    postcode: str | None, city: str | None, found: tuple[str | None, ...]
) -> None:
    schema = dict.fromkeys("pc", pl.String)
    frame = pl.DataFrame([(postcode, city)], schema=schema, orient="row")
    assert frame.select(place_keys("p", "c", None)).row(0) == found
