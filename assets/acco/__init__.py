"""ACCO: the collective agreements that companies sign and deposit."""
