"""The Sirene register of companies and their establishments (INSEE, data.gouv.fr)."""
