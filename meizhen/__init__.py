"""Meizhen 媒阵: an organisation's official accounts, published once, measured, ranked."""

__version__ = "0.1.0"
