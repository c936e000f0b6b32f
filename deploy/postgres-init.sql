-- The catalogue of the lake is a database of its own, beside that of Dagster.
CREATE DATABASE lake;
