"""The change log of SIRENE: what differs from one monthly state to the next."""
