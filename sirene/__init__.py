"""The registry of companies: identifiers, names, nomenclatures, schemas, changes.

Belongs here: what SIRENE says and means. Does not belong here: downloads, leads, signals.
"""
