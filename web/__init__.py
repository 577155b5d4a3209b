"""The web: for now what machines ask a node, by HTTP."""

from web.app import create_app

__all__ = ["create_app"]
