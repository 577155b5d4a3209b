"""A local world of platforms: faithful doubles over HTTP for the demo, the tests and benchmarks.

Imports nothing of ours. `python -m sandbox --port 8787` runs it; `sandbox.app.create_app(World(...))` gives
the ASGI program. Every platform lives under `/<platform>/…` and speaks as its sheet says.
"""
