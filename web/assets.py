"""The built files of the console: which hashed names they have, and how they are served.

They are made by Vite (`hatch_build.py`, `make web`) and never committed. A node without them answers all the
same: pages say that they look bare because nothing was built.
"""

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).with_name("static")
ADDRESS = "/static"
_ENTRY = "src/console.ts"
_FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Assets:
    """Addresses of the built files; all empty where nothing was built."""

    script: str = ""
    styles: tuple[str, ...] = ()
    icons: str = ""
    mark: str = ""
    lazy: tuple[str, ...] = field(default=())

    @property
    def built(self) -> bool:
        return bool(self.script)


@cache
def built_assets(folder: Path = FOLDER) -> Assets:
    """What stands in the manifest that Vite wrote."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        entry = manifest[_ENTRY]
        return Assets(
            script=f"{ADDRESS}/{entry['file']}",
            styles=tuple(f"{ADDRESS}/{name}" for name in entry.get("css", ())),
            icons=f"{ADDRESS}/{manifest['icons.svg']['file']}",
            mark=f"{ADDRESS}/{manifest['mark.svg']['file']}",
            lazy=tuple(f"{ADDRESS}/{manifest[name]['file']}" for name in entry.get("dynamicImports", ())),
        )
    except (OSError, ValueError, KeyError):
        return Assets()


class BuiltFiles(StaticFiles):
    """Serves the built files: their names change with what is in them, so a browser asks once.

    Where the browser takes gzip, what was zipped at the build is sent as it is.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        super().__init__(directory=folder, check_dir=False)
        self._folder = folder

    async def get_response(self, path: str, scope: Scope) -> Response:
        zipped = _takes_gzip(scope) and path.endswith((".js", ".css", ".svg"))
        if not self._folder.is_dir():
            raise HTTPException(404)
        if zipped:
            try:
                answer = await super().get_response(f"{path}.gz", scope)
            except HTTPException:
                zipped = False
        if not zipped:
            answer = await super().get_response(path, scope)
        else:
            answer.headers["Content-Encoding"] = "gzip"
            answer.headers["Content-Type"] = _TYPES[path.rpartition(".")[2]]
        answer.headers["Vary"] = "Accept-Encoding"
        if path.startswith("assets/") and answer.status_code in (200, 206, 304):
            answer.headers["Cache-Control"] = _FOREVER
        return answer


_TYPES = {
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
}


def _takes_gzip(scope: Scope) -> bool:
    return any(name == b"accept-encoding" and b"gzip" in value for name, value in scope["headers"])
