"""Matching measured on labelled real text."""
