"""Alim'confiance: what official food hygiene inspections found."""
