"""The program: every platform double under its own prefix, faults in front, the control page beside."""

from fastapi import FastAPI
from starlette.types import ASGIApp

from sandbox.control import control_router
from sandbox.doubles import doubles
from sandbox.faults import FaultMiddleware
from sandbox.world import World


def create_app(world: World) -> ASGIApp:
    """The ASGI program of a world. Every double is mounted under its platform's name."""
    app = FastAPI(title="Meizhen sandbox", openapi_url=None)
    for platform, double in doubles().items():
        app.include_router(double.router(world), prefix=f"/{platform}")
    app.include_router(control_router(world), prefix="/_control")
    return FaultMiddleware(app, world)
