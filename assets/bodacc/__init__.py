"""BODACC: the official bulletin of civil and commercial notices, published by DILA."""
