"""Typed leads made of a register's own names.

Belongs here: what becomes of a name and of a place when somebody types them. Does not belong
here: what is measured with such leads (``scale``).

How often what happens is what was measured between 3,707 typed names and the nearest name of
their unit (``docs/matching.md``); that a lead gives a postcode, a commune, a department or
nothing is assumed. Recall on made leads says how much is lost as the register grows, never how
good matching is.
"""

from __future__ import annotations

import polars as pl

SEED = 20261123
#: What happens to a name → share of the leads.
SHARES = {
    "as it is": 0.33, "case": 0.06, "legal form": 0.10, "order": 0.05, "glued": 0.01,
    "place added": 0.10, "word dropped": 0.06, "typo": 0.02, "initials": 0.01,
    "word replaced": 0.10, "another name": 0.16,
}  # fmt: skip
PLACES = {"postcode": 0.35, "city": 0.25, "department": 0.15, "none": 0.25}


def typed(names: pl.LazyFrame, number: int) -> pl.DataFrame:
    """Return leads with ``true_siren`` and what was done to the name.

    Args:
        names: the table of an index.
        number: how many leads, fewer if there are not so many names.
    """
    order = pl.struct("siren", "name_id").hash(SEED)
    total = int(names.select(pl.len()).collect().item())
    # A hash below a bound: a few more than wanted, without sorting all names.
    bound = int(min(2.0 * number / max(total, 1), 1.0) * (2**64 - 1))
    drawn = names.filter(order <= bound).with_columns(order=order).collect(engine="streaming")
    rows = drawn.sort("order", "name_id").head(number)
    words = pl.col("core").str.split(" ")
    shorter = words.list.head(words.list.len() - 1).list.join(" ")
    several = words.list.len() > 1
    made = {
        "as it is": pl.col("name"),
        "case": pl.col("name").str.to_lowercase(),
        "legal form": pl.concat_str("name", pl.lit(" SAS")),
        "order": words.list.reverse().list.join(" "),
        "glued": pl.col("glued"),
        "place added": pl.concat_str("name", "city", separator=" ", ignore_nulls=True),
        "word dropped": pl.when(several).then(shorter).otherwise("name"),
        "typo": pl.col("name").str.slice(0, 3) + pl.col("name").str.slice(4),
        "initials": pl.coalesce("acronym", "name"),
        "word replaced": pl.when(several).then(shorter + " SERVICES").otherwise("name"),
        # Half of one name and half of another, neither its own: what nobody registered.
        "another name": pl.concat_str(
            words.list.first().shift(7), words.list.last().shift(11), separator=" "
        ).fill_null("SANS RAPPORT"),
    }
    done, given = _drawn("done", SHARES), _drawn("given", PLACES)
    rows = rows.with_columns(done.alias("done"), given.alias("given"))
    name = pl.coalesce(pl.when(pl.col("done") == key).then(value) for key, value in made.items())
    return rows.select(
        pl.int_range(pl.len()).cast(pl.String).alias("lead_id"),
        pl.lit("bench").alias("account_id"),
        name.alias("company_name"),
        *(pl.when(pl.col("given") == level).then(level).alias(level)
          for level in ("postcode", "city", "department")),
        pl.col("siren").alias("true_siren"),
        "done",
    )  # fmt: skip


def _drawn(what: str, shares: dict[str, float]) -> pl.Expr:
    """Draw one of the keys for each row, as often as its share says."""
    draw = pl.struct("siren", "name_id", pl.lit(what)).hash(SEED) % 10_000
    upto, found = 0.0, pl.lit(next(reversed(shares)))
    bounds = []
    for key, share in shares.items():
        upto += share
        bounds.append((key, round(upto * 10_000)))
    for key, bound in reversed(bounds):
        found = pl.when(draw < bound).then(pl.lit(key)).otherwise(found)
    return found
