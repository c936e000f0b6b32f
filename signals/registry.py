"""The kinds of signals, found by folder.

Belongs here: importing ``signals/detectors/*.py`` and checking that each module is a
detector. There is no list to edit: a new file is a new signal.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

import polars as pl

from opendata.errors import SettingsError
from signals.base import Frames, Signal

FOLDER = Path(__file__).parent / "detectors"


@dataclass(frozen=True)
class Detector:
    """A kind of signal and the rule that finds it."""

    signal: Signal
    detect: Callable[[Frames], pl.LazyFrame]


def _load(path: Path) -> ModuleType:
    name = f"signals.detectors.{path.stem}"
    if path.parent == FOLDER:
        return importlib.import_module(name)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise SettingsError("not a Python module", next_step="remove it", file=path.name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _detector(path: Path) -> Detector:
    module = _load(path)
    signal, detect = getattr(module, "SIGNAL", None), getattr(module, "detect", None)
    if not isinstance(signal, Signal) or not callable(detect):
        raise SettingsError(
            "a detector has SIGNAL, a Signal, and detect(frames)",
            next_step="add what is missing, or begin the file's name with an underscore",
            file=path.name,
        )
    if signal.code != path.stem:
        raise SettingsError(
            f"its code is {signal.code!r}",
            next_step="give the module and the code the same name",
            file=path.name,
        )
    return Detector(signal, detect)


def discover(folder: Path = FOLDER) -> dict[str, Detector]:
    """Return every detector under ``folder`` by code, in alphabetical order.

    Raises:
        SettingsError: the folder has none, or a module lacks its parts, or its name is
            not its code (so that no code can stand twice).
    """
    found: dict[str, Detector] = {}
    for path in sorted(folder.glob("[!_]*.py")):
        detector = _detector(path)
        found[detector.signal.code] = detector
    if not found:
        raise SettingsError(f"no detector in {folder.name}", next_step="restore the folder")
    return found


@cache
def registry() -> dict[str, Detector]:
    """Return the detectors of the project; do not change the answer."""
    return discover()


def signal_types(detectors: Iterable[Detector]) -> pl.DataFrame:
    """Return the catalogue of signals, one row per type, as published in the feed."""
    rows = [
        {
            "type": signal.type,
            "code": signal.code,
            "family": signal.family,
            "title_fr": signal.title_fr,
            "title_en": signal.title_en,
            "explanation_fr": signal.explanation_fr,
            "explanation_en": signal.explanation_en,
            "polarity": signal.polarity,
            "nature": signal.nature,
            "base_score": signal.base_score,
            "half_life_days": signal.half_life_days,
            "window_days": signal.window_days,
            "rule_version": signal.rule_version,
            "inputs": list(signal.inputs),
            "guards": list(signal.guards),
        }
        for signal in (detector.signal for detector in detectors)
    ]
    return pl.DataFrame(rows).sort("type")
