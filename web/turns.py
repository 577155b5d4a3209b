"""How many answers a node makes at a time."""

from os import cpu_count

TURNS = (cpu_count() or 1) + 1
"""Short answers take turns: sixteen threads at once between Python and the database got half as much done as
three on two cores, since each row hands the interpreter's lock over (`python -m benchmarks.api`).
"""
