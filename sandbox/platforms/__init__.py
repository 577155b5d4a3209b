"""One module a platform: `router(world)` gives its double, mounted under `/<module>/`."""
