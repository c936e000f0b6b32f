"""Egapro: the professional equality index that companies of 50 people or more declare."""
