"""Asking people about leads, and learning from what they say.

Belongs here: the three commands `review export`, `import` and `refit` over a workspace. Does
not belong here: what a queue, an answer or a fit is (``leads.review``, ``answers``, ``refit``).
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import typer

from assets.lead_matching import match_all, registry_index
from assets.workspace import Workspace
from leads.answers import Answers, read_answers
from leads.refit import Measured, Refit, keep, labelled, refit, serving_model
from leads.review import PLACES_SCHEMA, queue, write_queue
from opendata.errors import OpenDataError, SettingsError, StateError
from opendata.lock import one_writer
from sirene.names import present

#: Refused rows of a file of answers that are shown.
SHOWN = 20
_SITES = "sirene__establishments"


def export_review(
    workspace: Workspace, out: Path, *, account: str | None = None, audit: int = 0,
    limit: int | None = None,
) -> pl.DataFrame:  # fmt: skip
    """Write the leads that a person should look at; return them.

    Args:
        workspace: where leads and matches are.
        out: a file that ends in ``.html``, ``.csv`` or ``.parquet``.
        account: only leads of this account.
        audit: confirmed leads to add, to measure how many are right.
        limit: at most so many.
    """
    require_outside(workspace.exports, out, "the queue describes leads")
    matches = workspace.lead_store.matches(account)
    rows = queue(
        workspace.lead_store.leads(account),
        matches,
        workspace.label_store.labels(account),
        serving_model(workspace.models),
        places=_places(workspace, matches),
        audit=audit,
    )
    rows = rows.head(rows.height if limit is None else limit)
    write_queue(rows, out)
    return rows


def import_answers(workspace: Workspace, path: Path, *, replace: bool = False) -> Answers:
    """Keep what was answered and match the leads concerned again."""
    with one_writer(workspace.data_dir):
        answers = read_answers(
            path,
            workspace.lead_store.leads(),
            workspace.label_store.labels(),
            on=workspace.clock.today(),
            replace=replace,
        )
        if answers.labels.height:
            workspace.label_store.put(answers.labels, instead=replace)
        match_all(workspace)
    return answers


def refit_model(workspace: Workspace, *, precision: float, least: int) -> Refit:
    """Fit the probabilities to the answers; let the fit serve unless it is worse.

    Raises:
        SettingsError: too few answers.
        StateError: no registry is loaded, or the fit is worse: nothing was changed.
    """
    with one_writer(workspace.data_dir):
        index, _ = registry_index(workspace)
        if index is None:
            raise StateError(
                "no registry is loaded", next_step="run `company-signals fetch sirene` first"
            )
        rows = labelled(workspace.label_store.labels(), index)
        found = refit(rows, precision=precision, on=workspace.clock.today(), least=least)
        if found.worse:
            raise StateError(
                f"the fit does not serve: {found.worse}",
                next_step="keep the model that serves, and answer more leads",
            )
        keep(found, workspace.models)
        match_all(workspace)
    return found


def print_export(
    workspace: Workspace, out: Path, account: str | None, audit: int, limit: int | None
) -> None:
    """Write the queue and say what is in it."""
    rows = export_review(workspace, out, account=account, audit=audit, limit=limit)
    counts = rows.group_by("why").len().sort("why").iter_rows()
    typer.echo(", ".join(f"{why} {number:,}" for why, number in counts) or "no lead to review")
    typer.echo(
        f"{rows.height:,} leads in {out} (readable by you only: it describes your leads; remove it "
        "when it is answered)"
    )


def print_import(workspace: Workspace, path: Path, replace: bool) -> bool:
    """Keep the answers and say which rows were refused; return whether none was."""
    answers = import_answers(workspace, path, replace=replace)
    counts = answers.labels.group_by("says").len().sort("says").iter_rows()
    said = ", ".join(f"{says} {number:,}" for says, number in counts)
    typer.echo(f"{answers.answered:,} answers kept" + (f": {said}" if said else ""))
    for line, lead_id, rule in answers.refused.head(SHOWN).iter_rows():
        typer.echo(f"  line {line}, lead {lead_id}: {rule}")
    if answers.refused.height:
        typer.echo(
            f"{answers.refused.height:,} rows were not taken. What to do: correct them and import "
            "them again; `--replace` takes the new answer where it contradicts an earlier one."
        )
    return answers.refused.is_empty()


def print_refit(workspace: Workspace, precision: float, least: int) -> None:
    """Fit and say how the fit fares."""
    found = refit_model(workspace, precision=precision, least=least)
    for line in _figures(found.measured):
        typer.echo(line)
    typer.echo(
        f"model {found.content['version']} serves, all leads were matched again; to return to the "
        f"shipped one remove {workspace.models / 'matching.json'} and match"
    )


def _figures(measured: Measured) -> list[str]:
    def share(value: float | None) -> str:
        return "none confirmed" if value is None else f"{value:.1%}"

    return [
        f"on {measured.labels:,} answers that the fit did not see, before → after:",
        f"  loss of the probabilities {measured.loss_before:.3f} → {measured.loss_after:.3f}",
        "  right among those confirmed by name "
        f"{share(measured.precision_before)} → {share(measured.precision_after)}",
        f"  confirmed among the right ones {measured.recall_before:.1%} → "
        f"{measured.recall_after:.1%}",
    ]


def require_outside(exports: Path, out: Path, what: str) -> None:
    """Refuse the folder that others fetch from, for a file of which ``what`` is true."""
    if out.resolve().is_relative_to(exports.resolve()):
        raise SettingsError(
            f"{what} and must not lie among the exports",
            next_step="name a file elsewhere",
            file=out.name,
        )


def _places(workspace: Workspace, matches: pl.DataFrame) -> pl.DataFrame:
    """Return where the establishments named in ``matches`` are, as the register shows it."""
    named = pl.concat(
        [
            matches["siret"],
            matches.select(
                pl.col("alternatives").list.eval(pl.element().struct.field("siret")).alias("siret")
            )
            .explode("siret")
            .to_series(),
        ]
    )
    wanted = named.drop_nulls().unique().sort().alias("siret").to_frame().lazy()
    try:
        sites = workspace.store.scan(_SITES)
    except OpenDataError:
        return pl.DataFrame(schema=PLACES_SCHEMA)
    shown = ("numero_voie", "type_voie", "libelle_voie", "code_postal", "libelle_commune")
    closed = pl.when(pl.col("etat_administratif") == "F").then(pl.lit("(closed)"))
    place = pl.concat_str(*(present(pl.col(name)) for name in shown), closed, separator=" ",
                          ignore_nulls=True)  # fmt: skip
    return (
        sites.join(wanted, on="siret", how="semi")
        .select("siret", place.alias("place"))
        .collect()
        .match_to_schema(PLACES_SCHEMA)
    )
