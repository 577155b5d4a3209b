"""Influence indices: definitions are data (`config/defaults/indices/*.toml`), computed exactly.

definition      what an index is, read from TOML
computation     its value, correctly rounded to six decimals, and the levels and terms behind it
table           a CSV in, the same CSV with a column `value` out
"""

from analytics.indices.computation import Explanation, LevelValue, TermValue, compute, explain
from analytics.indices.definition import IndexDefinition, Level, Term, load_definition, load_shipped, shipped
from analytics.indices.document import Label
from analytics.indices.table import compute_table

__all__ = [
    "Explanation",
    "IndexDefinition",
    "Label",
    "Level",
    "LevelValue",
    "Term",
    "TermValue",
    "compute",
    "compute_table",
    "explain",
    "load_definition",
    "load_shipped",
    "shipped",
]
