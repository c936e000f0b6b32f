"""The open-data engine: portals, downloads, contracts, quality, versions, publishing.

Belongs here: whatever would serve any open dataset. Does not belong here: anything
that knows what a company, a lead or a signal is.
"""
