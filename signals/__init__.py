"""Signals: contract, one detector per file, scoring, feed.

Belongs here: what happened to a company and why it matters. Does not belong here: portals, wiring.
"""
