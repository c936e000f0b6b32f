"""The way back: what a platform says of the signals it was given, and how far it has read.

Belongs here: the contract of both files, reading them, judging each row against the stream. Does
not belong here: keeping what was said (:mod:`leads.feedback`), what follows from it
(``assets/feedback.py``).
"""
