"""DECP: the essential data of awarded public contracts, as consolidated by decp.info."""
