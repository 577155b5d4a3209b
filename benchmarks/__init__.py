"""Measured promises: each script prints one line of JSON; `python -m benchmarks` runs them all."""
