"""One file per signal; a module that begins with an underscore is shared reading, not a signal.

Belongs here: the rule and the guards of each signal. Does not belong here: windows, ids,
scores, which are the same for all.
"""
