"""Leads: intake, matching to the registry, privacy.

Belongs here: whatever touches a customer's lead. Does not belong here: open data files, signals.
"""
