"""Times and memory on real files; `make bench` prints them, no test asserts them.

``BENCH_DATA`` names the folder of the large files (default ``../shared/data`` beside the
repository). Without it a reduced set is used, and the output says so.
"""
