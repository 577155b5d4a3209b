"""The typst templates of the papers: ours, and a unit's own in their place."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from analytics.awards.folder import not_written
from config.errors import MeizhenError

PAPERS = ("notice", "final", "method", "minutes", "objections", "certificate")
_SHIPPED = files("analytics.awards") / "templates"
_NAMES = ("page.typ", *(f"{name}.typ" for name in PAPERS))
_BESIDE = (".typ", ".svg", ".png", ".jpg", ".jpeg")  # a unit's emblem may lie beside its templates
_MOST_BYTES = 20_000_000


def shipped() -> dict[str, bytes]:
    """Our templates by file name."""
    return {name: (_SHIPPED / name).read_bytes() for name in _NAMES}


def templates(folder: Path | None = None) -> Mapping[str, bytes]:
    """Our templates, with those of `folder` in place of ours and its pictures beside them.

    Raises MeizhenError where the folder has none of these files, or cannot be read.
    """
    if folder is None:
        return shipped()
    own = _own(folder)
    if not any(name in own for name in _NAMES):
        raise MeizhenError("papers.no_template", folder=folder, known=", ".join(_NAMES))
    return shipped() | own


def _own(folder: Path) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    size = 0
    try:
        for path in sorted(folder.iterdir()):
            if path.is_file() and path.suffix.lower() in _BESIDE:
                size += path.stat().st_size
                if size > _MOST_BYTES:
                    raise MeizhenError("papers.templates_too_large", folder=folder, most=_MOST_BYTES // 10**6)
                found[path.name] = path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise MeizhenError("papers.template_unread", folder=folder, reason=reason) from None
    return found


def write_templates(folder: Path) -> tuple[Path, ...]:
    """Writes our templates into `folder`, to be changed there.

    Raises MeizhenError where one is there already, or where they cannot be written.
    """
    wanted = {folder / name: content for name, content in shipped().items()}
    for path in wanted:
        if path.exists():
            raise MeizhenError("papers.template_exists", path=path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, content in wanted.items():
            with path.open("xb") as file:
                file.write(content)
    except OSError as error:
        raise not_written(folder, error) from None
    return tuple(wanted)
