"""The report people look at: one HTML file that asks the network for nothing.

Belongs here: what it counts (``facts``), how charts are drawn (``shapes``), its words in both
languages (``words``) and the page (``page``). It reads what is exported and nothing else, so
that it shows what the platform was given.
"""
