"""The fault suite: what the system survives, counted. `make faults` runs it in full.

Every part works on databases, folders, mounts and processes that it made itself, and makes sure of
that before its first statement. The short form of each part runs with the ordinary tests.
"""
