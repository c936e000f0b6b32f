"""EPV: which companies hold the label of living heritage."""
