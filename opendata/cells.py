"""Cells that a spreadsheet shows and does not compute.

Belongs here: making text harmless for whoever opens it in a spreadsheet. Does not belong here:
writing files.
"""

from __future__ import annotations

import polars as pl

#: What a spreadsheet takes for the start of a formula (OWASP, CSV injection).
_FORMULA = r"^[\s\x00-\x1f]*[=+\-@＝＋－＠|\t\r\n]"


def harmless(rows: pl.DataFrame) -> pl.DataFrame:
    """Return ``rows`` with an apostrophe before each text that a spreadsheet would compute."""
    text = pl.col(pl.String)
    formula = text.str.contains(_FORMULA)
    return rows.with_columns(pl.when(formula).then(pl.lit("'") + text).otherwise(text).name.keep())
