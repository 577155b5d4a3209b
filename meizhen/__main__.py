"""`python -m meizhen`."""

from meizhen.cli import main

main()
