"""The one console: where the command line writes to people."""

from __future__ import annotations

from rich.console import Console

console = Console(highlight=False)
