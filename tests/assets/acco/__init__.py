"""Makes `test_normalise` of each dataset a module of its own."""
