"""BEGES: the greenhouse gas balances that companies of 500 people or more publish."""
