"""The command line.

Belongs here: commands, options and how their answers look. Heavy libraries are imported
inside the commands: `--help` must answer at once.
"""

from __future__ import annotations

import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

app = typer.Typer(
    name="company-signals",
    help="French open data on companies, matched to your leads, turned into buying signals.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class SeveralValues(TyperCommand):
    """A command whose options take several values: ``--legal-units part1.csv part2.csv``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Repeat the option before each of its values, as the library wants it."""
        many = {name for one in self.params if getattr(one, "multiple", False) for name in one.opts}
        written: list[str] = []
        option = ""
        for arg in args:
            if arg.startswith("-"):
                option = arg
            elif option in many and written[-1] != option:
                written.append(option)
            written.append(arg)
        return super().parse_args(ctx, written)


registry_app = typer.Typer(
    help="The index of the registry that `match --registry` reads.", no_args_is_help=True
)
app.add_typer(registry_app, name="registry")

Datasets = Annotated[
    list[str] | None, typer.Argument(help="Datasets by name; all of them if none is given.")
]
Leads = Annotated[
    Path | None, typer.Option("--leads", help="File of leads (CSV, XLSX, Parquet, JSON lines).")
]
DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Where a run keeps its files.")]
At = Annotated[
    datetime | None,
    typer.Option("--at", formats=["%Y-%m-%d"], help="Take this date as today (for replays)."),
]


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """French open data on companies, matched to your leads, turned into buying signals."""
    if debug:
        os.environ["SIGNALS_DEBUG"] = "1"


def _debugging() -> bool:
    return os.environ.get("SIGNALS_DEBUG") == "1"


def _workspace(**overrides: Any) -> Any:
    from pipelines.logs import configure_logs
    from pipelines.settings import load_settings
    from pipelines.workspace import open_workspace

    configure_logs(debug=_debugging())
    return open_workspace(load_settings(**overrides))


def _run_workspace(**overrides: Any) -> Any:
    """Open the workspace of a run; what a replay made there is no longer only its own."""
    from pipelines.replay import MARK

    workspace = _workspace(**overrides)
    (workspace.data_dir / MARK).unlink(missing_ok=True)
    return workspace


@app.command()
def run(
    datasets: Datasets = None, leads: Leads = None, data_dir: DataDir = None, at: At = None
) -> None:
    """Fetch what changed, match the leads, detect signals, export the tables."""
    from pipelines.main_job import run_main_job
    from pipelines.progress import shown
    from pipelines.summary import print_summary

    workspace = _run_workspace(leads=leads, data_dir=data_dir, at=at)
    with shown():
        report = run_main_job(workspace, datasets or None)
    print_summary(workspace, report)
    raise typer.Exit(0 if report.ok else 1)


@app.command()
def fetch(datasets: Datasets = None, data_dir: DataDir = None, at: At = None) -> None:
    """Only fetch, check and normalise datasets."""
    from pipelines.main_job import run_datasets
    from pipelines.progress import shown
    from pipelines.summary import print_datasets, print_failures

    workspace = _run_workspace(data_dir=data_dir, at=at)
    with shown():
        report = run_datasets(workspace, datasets or None)
    print_datasets(workspace, report)
    print_failures(report)
    raise typer.Exit(0 if report.ok else 1)


@app.command()
def match(
    leads: Leads = None,
    data_dir: DataDir = None,
    at: At = None,
    registry: Annotated[
        Path | None,
        typer.Option("--registry", help="Match against this index (`registry build`) instead."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="With --registry: the Parquet file to write.")
    ] = None,
) -> None:
    """Match the leads: in the pipeline's store, or with --registry from file to file."""
    if registry or out:
        from pipelines.match_files import print_match

        print_match(registry, leads, out)
        return
    from pipelines.main_job import run_matching
    from pipelines.progress import shown
    from pipelines.summary import print_failures, print_matches

    workspace = _run_workspace(leads=leads, data_dir=data_dir, at=at)
    with shown():
        report = run_matching(workspace)
    if report.ok:
        print_matches(workspace)
    print_failures(report)
    raise typer.Exit(0 if report.ok else 1)


@registry_app.command(name="build", cls=SeveralValues)
def registry_build(
    legal_units: Annotated[list[Path], typer.Option(help="StockUniteLegale.")],
    establishments: Annotated[list[Path], typer.Option(help="StockEtablissement.")],
    out: Annotated[Path, typer.Option(help="Folder of the index; made, or replaced.")],
    unit_history: Annotated[
        list[Path] | None, typer.Option(help="StockUniteLegaleHistorique: former names.")
    ] = None,
    establishment_history: Annotated[
        list[Path] | None, typer.Option(help="StockEtablissementHistorique: former signs.")
    ] = None,
    successions: Annotated[
        list[Path] | None, typer.Option(help="StockEtablissementLiensSuccession.")
    ] = None,
    duplicates: Annotated[list[Path] | None, typer.Option(help="StockDoublons.")] = None,
) -> None:
    """Build the index from Insee's files: CSV, CSV in a zip, Parquet; several for an option."""
    from pipelines.registry import RegistryFiles, print_build

    files = RegistryFiles(
        legal_units,
        establishments,
        unit_history or (),
        establishment_history or (),
        successions or (),
        duplicates or (),
    )
    print_build(files, out)


@app.command()
def export(data_dir: DataDir = None, at: At = None) -> None:
    """Only detect signals from what is there and export the tables."""
    from pipelines.main_job import run_exports
    from pipelines.progress import shown
    from pipelines.summary import print_failures, print_signals

    workspace = _run_workspace(data_dir=data_dir, at=at)
    with shown():
        report = run_exports(workspace)
    print_signals(workspace)
    print_failures(report)
    raise typer.Exit(0 if report.ok else 1)


@app.command()
def replay(
    plan: Annotated[
        Path | None, typer.Argument(help="Plan of run dates; the bundled sample's if not given.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Replay the bundled real sample: start its portal, run each date, show what came out."""
    from pipelines.replay import replay_sample

    raise typer.Exit(0 if replay_sample(plan, data_dir) else 1)


@app.command(name="sample-portal")
def sample_portal(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 lets the system choose.")] = 8765,
    at: At = None,
) -> None:
    """Serve the bundled sample on loopback as the real portals do, until interrupted."""
    from pipelines.replay import serve_sample

    serve_sample(port, at.date() if at else None)


@app.command()
def status(data_dir: DataDir = None, at: At = None) -> None:
    """Show, on one screen, how fresh each source is, what is held, and what a run left."""
    from pipelines.status import print_status

    raise typer.Exit(0 if print_status(_workspace(data_dir=data_dir, at=at)) else 1)


@app.command()
def doctor(
    live: Annotated[
        bool, typer.Option("--live", help="Ask every portal and compare with dataset.yml.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Check the environment, the keys, the disk and, with --live, the portals."""
    from pipelines.doctor import print_doctor

    raise typer.Exit(0 if print_doctor(_workspace(data_dir=data_dir), live=live) else 1)


@app.command()
def quarantine(
    dataset: Annotated[str, typer.Argument(help="Dataset whose rejected rows to show.")],
    rows: Annotated[int, typer.Option(help="Rows to show.")] = 20,
    data_dir: DataDir = None,
) -> None:
    """Show the rejected rows of a dataset's current version, with the rule of each."""
    from pipelines.maintenance import print_quarantine

    print_quarantine(_workspace(data_dir=data_dir), dataset, rows)


@app.command()
def release(
    dataset: Annotated[str, typer.Argument(help="Dataset whose held version to publish.")],
    data_dir: DataDir = None,
) -> None:
    """Publish a version that a guard held, after you inspected it."""
    from pipelines.maintenance import release_held

    raise typer.Exit(0 if release_held(_workspace(data_dir=data_dir), dataset) else 1)


@app.command()
def rollback(
    dataset: Annotated[str, typer.Argument(help="Dataset to return to its previous version.")],
    data_dir: DataDir = None,
) -> None:
    """Return a dataset to its previous good version, in one step."""
    from pipelines.maintenance import roll_back

    raise typer.Exit(0 if roll_back(_workspace(data_dir=data_dir), dataset) else 1)


@app.command()
def gc(data_dir: DataDir = None) -> None:
    """Remove old versions and raw files that no published row cites."""
    from pipelines.maintenance import collect_garbage

    collect_garbage(_workspace(data_dir=data_dir))


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="SQL over the published tables.")],
    data_dir: DataDir = None,
) -> None:
    """Ask the published DuckDB file, read-only; works while a run goes on."""
    from pipelines.maintenance import print_query

    print_query(_workspace(data_dir=data_dir), sql)


def main() -> None:
    """Run the command line; a failure is one paragraph on standard error and exit code 1."""
    try:
        app()
    except Exception as error:
        if _debugging():
            raise
        typer.echo(_explained(error), err=True)
        sys.exit(1)


def _explained(error: Exception) -> str:
    from opendata.errors import OpenDataError

    if isinstance(error, OpenDataError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        name = Path(str(error.filename)).name if error.filename else "a file"
        return (
            f"{name}: {error.strerror.lower()}. What to do: check the folder given by --data-dir "
            "and who may write to it."
        )
    # The text of an unforeseen error may quote data, so only its kind is shown.
    return (
        f"Unforeseen {type(error).__name__}. What to do: run the command again with --debug "
        "before its name (`company-signals --debug …`) to see where, and report it."
    )
