"""Grants of ADEME, the agency of the ecological transition."""
