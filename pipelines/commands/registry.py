"""Commands on the index of the registry, file to file, outside the pipeline's folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.options import SeveralValues

GROUP = "registry"
app = typer.Typer(
    help="The index of the registry that `match --registry` reads.", no_args_is_help=True
)


@app.command(name="build", cls=SeveralValues)
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
