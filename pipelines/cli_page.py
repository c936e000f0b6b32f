"""The page of the command line, from the commands themselves.

Belongs here: ``docs/cli.md``. Does not belong here: the commands (``pipelines/commands/``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from opendata.attribution import markdown_table
from pipelines.cli import app


def cli_page() -> str:
    """Return the whole of ``docs/cli.md``."""
    root: Any = typer.main.get_command(app)
    lines = [
        "# Command line",
        "",
        root.help,
        "",
        "Each command shows its options with `--help`. An option, such as `--data-dir`, wins over "
        "the [setting](../settings.md). A failure is one paragraph that says what to do, and exit "
        "code 1; `company-signals --debug …` shows where.",
        "",
    ]
    found = list(_commands(root, "company-signals"))
    rows = [[f"[`{name}`](#{_anchor(name)})", _first(one)] for name, one in found]
    lines += [*markdown_table(["command", "what it does"], rows), ""]
    for name, one in found:
        lines += _section(name, one)
    return "\n".join(lines).rstrip() + "\n"


def _commands(group: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for name, one in sorted(group.commands.items()):
        if one.hidden:
            continue
        if hasattr(one, "commands"):
            yield from _commands(one, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}", one


def _section(name: str, command: Any) -> list[str]:
    lines = [f"## {name}", "", *_paragraphs(command.help or ""), ""]
    shown = [one for one in command.params if not getattr(one, "hidden", False)]
    rows = [[_written(one), _meaning(one)] for one in shown if one.name != "help"]
    return [*lines, *markdown_table(["argument, option", "meaning"], rows), ""] if rows else lines


def _paragraphs(text: str) -> list[str]:
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]


def _first(command: Any) -> str:
    return _paragraphs(command.help or "")[0]


def _written(param: Any) -> str:
    """Return a parameter as it is typed."""
    if param.param_type_name == "argument":
        name = str(param.metavar or param.name).upper()
        return f"`{name}`" if param.required else f"`[{name}]`"
    value = "" if param.is_flag else f" {_value(param)}"
    written = [f"`{opt}{value}`" for opt in (*param.opts, *param.secondary_opts)]
    return ", ".join(written)


def _value(param: Any) -> str:
    kind = getattr(param.type_descriptor.annotation, "__name__", "value")
    return {"str": "TEXT", "int": "NUMBER", "float": "NUMBER", "datetime": "DATE"}.get(
        kind, kind.upper()
    )


def _meaning(param: Any) -> str:
    text = (param.help or "").replace("<", "&lt;")
    default = param.default
    told = default not in (None, False, True, (), []) and not callable(default)
    parts = [text, f"Default: `{default}`." if told else ""]
    parts.append("Several times." if getattr(param, "multiple", False) else "")
    return " ".join(part for part in parts if part)


def _anchor(name: str) -> str:
    return name.replace(" ", "-")
