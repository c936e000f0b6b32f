"""De minimis aid: the small grants that the State's register has held since 2026."""
