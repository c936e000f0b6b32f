"""Agence Bio: who is certified for organic production, and who no longer is."""
