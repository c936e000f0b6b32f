"""Where a stock of the Sirene register departs from what the daily flux had said."""
