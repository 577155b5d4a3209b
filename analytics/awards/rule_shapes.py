"""The commented rules to start from, one for each shape of real awards.

most-influential    an index, a list a track
points              points with caps, from a definition file that is written beside the rule
jury                gates, then a jury alone
"""

from pathlib import Path

from analytics.awards.rule_file import SHAPES, shipped_rule
from analytics.indices.document import nearest
from config.errors import InputError, MeizhenError, Problem

_BESIDE = {"points": "points.index.toml"}


def new_rule(path: Path, shape: str = SHAPES[0]) -> tuple[Path, ...]:
    """Writes the commented rule of a shape, and the definition it needs; gives the files written.

    Raises InputError for an unknown shape, MeizhenError where a file is there already or cannot be written.
    """
    if shape not in SHAPES:
        params = {"received": shape, "near": nearest(shape, SHAPES) or SHAPES[0], "known": ", ".join(SHAPES)}
        raise InputError(shape, [Problem("award.no_such_shape", params=params)])
    files = {path: shipped_rule(shape).read_bytes()}
    if shape in _BESIDE:
        beside = shipped_rule(shape).with_name(_BESIDE[shape])
        files[path.with_name(beside.name)] = beside.read_bytes()
    for target in files:
        if target.exists():
            raise MeizhenError("award.rule_exists", path=target)
    for target, content in files.items():
        try:
            with target.open("xb") as file:
                file.write(content)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise MeizhenError("index.not_written", path=target, reason=reason) from None
    return tuple(files)
