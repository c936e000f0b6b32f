"""What holds for every test: no time limit of its own, and what a run says at its end."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many kills landed where, summed over the tests that counted them."""
    kills: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for report in terminalreporter.getreports("passed"):
        for name, counts in report.user_properties:
            if name.startswith("kills "):
                kills[name].update(counts)
    for name, counts in sorted(kills.items()):
        listed = ", ".join(f"{point} {count}" for point, count in sorted(counts.items()))
        terminalreporter.write_line(f"{counts.total()} {name}: {listed}")
