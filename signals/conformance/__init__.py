"""Whether somebody's consumer of the feed does what the contract asks.

Belongs here: feeds that put each rule to the test, the judge, and consumers known to be broken,
which the judge must find. Does not belong here: the reader offered to platforms
(:mod:`signals.reader`), which is judged like any other. The protocol stands in docs/consume.md.
"""
