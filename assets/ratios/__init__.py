"""Ratios of the annual accounts filed with INPI."""
