"""Other engines on the same work and the same faults, beside Meizhen: `make bench-peers`."""
