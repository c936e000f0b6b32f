"""A notebook over the warehouse: how fresh it is, what happened, where, and to which lead.

Run it with `marimo run notebooks/explore.py`, or `marimo edit` to change it. It opens the
warehouse read-only: a run may go on meanwhile.
"""

import marimo

app = marimo.App(width="medium", app_title="company-signals")


@app.cell
def _opening():
    import os
    from pathlib import Path

    import duckdb
    import marimo as mo

    data = Path(os.environ.get("SIGNALS_DATA_DIR", "data/replay"))
    warehouse = duckdb.connect(data / "warehouse.duckdb", read_only=True)

    def ask(sql, **parameters):
        """Return the rows of an answer as dictionaries."""
        answer = warehouse.execute(sql, parameters or None)
        names = [column[0] for column in answer.description]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]

    mo.md(
        "# What happened to companies\n\n"
        f"`{data}/warehouse.duckdb`, opened read-only. What tables and columns mean: "
        "`docs/dictionary/`."
    )
    return ask, data, mo


@app.cell
def _freshness(ask, mo):
    freshness = ask(
        """
        SELECT dataset, state, publication_date, last_checked, message
        FROM source_status
        WHERE publication_date IS NOT NULL
        ORDER BY state, dataset
        """
    )
    mo.vstack(
        [
            mo.md(
                "## How fresh is it?\n\nA `GAP` is never “no change”: nobody looked, or it is late."
            ),
            mo.ui.table(freshness, selection=None, pagination=False),
        ]
    )
    return (freshness,)


@app.cell
def _by_week(ask, mo):
    weeks = ask(
        """
        SELECT date_trunc('week', s.time)::DATE AS week, t.code AS kind, t.polarity,
               count(*) AS signals, count(DISTINCT s.siren) AS companies
        FROM signals AS s JOIN signal_types AS t USING (type)
        WHERE NOT s.is_baseline AND NOT s.is_mass_operation
        GROUP BY ALL
        ORDER BY week DESC, signals DESC, kind
        """
    )
    mo.vstack(
        [
            mo.md("## Signals by week and kind"),
            mo.ui.table(weeks, selection=None, page_size=10),
        ]
    )
    return (weeks,)


@app.cell
def _departments(ask, mo):
    from pipelines.report.shapes import departements

    counted = ask(
        """
        SELECT s.departement, d.nom AS name, count(*) AS signals,
               count(DISTINCT s.siren) AS companies
        FROM signals AS s JOIN nomenclature__departements AS d ON d.code = s.departement
        GROUP BY ALL
        ORDER BY signals DESC, s.departement
        """
    )
    drawn = departements({row["departement"]: row["signals"] for row in counted})
    shades = ("#e8eaf6", "#c5cae9", "#9fa8da", "#7986cb", "#5c6bc0", "#3949ab", "#1a237e")
    areas = "".join(
        f"<path d='{area.path}' fill='{shades[min(area.level, len(shades) - 1)]}' stroke='#fff'>"
        f"<title>{area.name}: {area.count}</title></path>"
        for area in drawn.areas
    )
    map_of_france = mo.Html(
        f"<svg viewBox='{drawn.view_box}' role='img' aria-label='Signals by department' "
        f"style='max-height:26rem'>{areas}</svg>"
        f"<p style='font-size:0.7em'>{drawn.source}, {drawn.licence}, {drawn.changes}</p>"
    )
    mo.vstack(
        [
            mo.md("## Where?"),
            mo.hstack(
                [map_of_france, mo.ui.table(counted, selection=None, page_size=12)],
                widths="equal",
            ),
        ]
    )
    return (counted,)


@app.cell
def _leads(ask, data, mo):
    leads = ask(
        """
        SELECT account_id, lead_id, siren, score, signals
        FROM read_parquet($files)
        WHERE suppressed_by IS NULL
        ORDER BY score DESC, account_id, lead_id
        LIMIT 20
        """,
        files=str(data / "exports" / "accounts" / "*" / "lead_scores.parquet"),
    )
    choice = mo.ui.dropdown(
        {f"{row['score']:.0f}  {row['lead_id']}": row["siren"] for row in leads},
        value=next((f"{row['score']:.0f}  {row['lead_id']}" for row in leads), None),
        label="Lead",
    )
    mo.vstack([mo.md("## Why now? One lead of the twenty best"), choice])
    return choice, leads


@app.cell
def _timeline(ask, choice, mo):
    timeline = ask(
        """
        SELECT time AS day, company_name, title_fr, evidence[1].publisher AS publisher,
               evidence[1].url AS evidence
        FROM signals WHERE siren = $siren
        UNION ALL
        SELECT occurred_at, nom_complet, change, 'Insee', NULL
        FROM sirene_changes WHERE siren = $siren
        ORDER BY day DESC, title_fr
        """,
        siren=choice.value,
    )
    mo.ui.table(timeline, selection=None, page_size=12)
    return (timeline,)


if __name__ == "__main__":
    app.run()
