"""The commands, one module per group; each offers ``app``, and ``GROUP`` where they have a prefix.

Discovered by folder: a new command is a new function or a new file, nothing is edited elsewhere.
"""
