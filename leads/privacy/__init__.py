"""Personal data: who objected, was erased or is restricted, and what follows for leads.

Each module says what belongs in it. Orchestration over all layers is in ``pipelines``.
"""
