"""CNIL: which organisations have designated a data protection officer."""
