"""Definitions, jobs, schedules, sensors, command line, settings.

Belongs here: putting the layers together for operators. Does not belong here: rules or algorithms.
"""
