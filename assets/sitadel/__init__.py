"""Sit@del: building permits."""
