"""Licences of live show promoters, valid five years."""
