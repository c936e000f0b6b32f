"""Training bodies and their Qualiopi certification, without which no public money."""
