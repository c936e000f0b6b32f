"""The register at the size of France: made files, and what the pipeline needs to take them up.

``recipe.py`` decides what each unit is and what happens to it between two months;
``rows.py`` writes that as rows of the six official files, ``write.py`` as files. The list of
changes that a comparison must find comes from the recipe alone. No line of it is real: names
are recombined words, people are made of syllables; only the distributions are measured.
"""
