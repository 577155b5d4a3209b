"""The HTTP API, version 1: any program can do by it what the command line does."""

from web.api.app import api_app

__all__ = ["api_app"]
