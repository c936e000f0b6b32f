"""FINESS: which establishments of health and social care are open, and since when."""
