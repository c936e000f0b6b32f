"""The feed: what the platform fetches, one folder per stream.

Belongs here: tenants' streams, snapshots, manifests, attribution. Does not belong here:
finding signals, the company log.
"""
