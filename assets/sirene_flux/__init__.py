"""What INSEE treated since the last stock of the Sirene register (INSEE, API Sirene 3.11)."""
