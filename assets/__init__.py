"""Dagster wiring, one folder per dataset: ``dataset.yml`` and ``normalise.py``.

Belongs here: thin assets over the packages below. Does not belong here: rules or algorithms.
"""
