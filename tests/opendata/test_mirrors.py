"""The same tables from another official place."""

from __future__ import annotations

from pathlib import Path

import pytest

from opendata.catalogue import load_catalogue, load_dataset
from opendata.errors import SettingsError
from opendata.mirrors import chosen, load_mirror, with_mirrors

ASSETS = Path(__file__).parents[2] / "assets"
MIRRORS = sorted(path for path in ASSETS.glob("*/mirrors/*.yml"))


@pytest.mark.parametrize("path", MIRRORS, ids=lambda path: f"{path.parts[-3]}={path.stem}")
def test_a_mirror_describes_the_same_tables(path: Path) -> None:
    usual = load_dataset(path.parents[1] / "dataset.yml")
    other = load_mirror(path.parents[1], path.stem)
    assert other.name == usual.name
    assert {one.name for one in other.resources}.isdisjoint(one.name for one in usual.resources)
    assert list(other.tables) == list(usual.tables)
    for table in usual.tables:
        assert other.described_columns(table) == usual.described_columns(table)
        assert other.tables[table].assertions == usual.tables[table].assertions


def test_the_chosen_mirror_takes_the_place_of_the_usual_source() -> None:
    usual = load_catalogue(ASSETS)
    other = with_mirrors(usual, ASSETS, {"bodacc": "dila"})
    assert (usual["bodacc"].portal, other["bodacc"].portal) == ("opendatasoft", "dila")
    assert other["decp"] == usual["decp"]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"bodacc": "insee"}, "it has no mirror 'insee'.*use one of dila"),
        ({"egapro": "dila"}, "use one of none"),
        ({"bodac": "dila"}, "no dataset 'bodac'"),
    ],
)
def test_a_mirror_that_is_not_there_is_named(wanted: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        with_mirrors(load_catalogue(ASSETS), ASSETS, wanted)


def test_the_setting_is_pairs() -> None:
    assert chosen("") == {}
    assert chosen(" bodacc=dila, decp = officiel,") == {"bodacc": "dila", "decp": "officiel"}
    with pytest.raises(SettingsError, match="write it like `bodacc=dila`"):
        chosen("bodacc")
