"""May the viewer do this with a post? An act on it is an act at the units of all its accounts."""

from collections.abc import Collection, Iterable

from sqlmodel import Session

from config.errors import MeizhenError
from organisation import Act, Place, require
from scheduler.posts_read import paths_of_posts
from web.viewer import Viewer


def require_posts(session: Session, viewer: Viewer, act: Act, post_ids: Collection[int]) -> list[str]:
    """The paths where these posts belong.

    Raises as `organisation.require`; a post that is not there, or goes nowhere, is out of sight.
    """
    paths = paths_of_posts(session, post_ids)
    if not all(paths.values()):
        raise MeizhenError("organisation.out_of_sight")
    found = sorted({path for one in paths.values() for path in one})
    for path in found:
        require(viewer.standing, act, Place(path))
    return found


def may_everywhere(viewer: Viewer, act: Act, paths: Iterable[str]) -> bool:
    """May they do this at all of these places? For what a page offers."""
    return all(viewer.may(act, path) for path in paths)
