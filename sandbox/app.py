"""The program: every platform double under its own prefix, faults in front, the control page beside."""

import pkgutil
from importlib import import_module
from pathlib import Path

from fastapi import FastAPI
from starlette.types import ASGIApp

from sandbox.control import control_router
from sandbox.faults import FaultMiddleware
from sandbox.world import World


def create_app(world: World) -> ASGIApp:
    """The ASGI program of a world. A module in `sandbox/platforms/` is a platform: `router(world)`."""
    app = FastAPI(title="Meizhen sandbox", openapi_url=None)
    for module in pkgutil.iter_modules([str(Path(__file__).with_name("platforms"))]):
        if not module.name.startswith("_"):
            double = import_module(f"sandbox.platforms.{module.name}")
            app.include_router(double.router(world), prefix=f"/{module.name}")
    app.include_router(control_router(world), prefix="/_control")
    return FaultMiddleware(app, world)
