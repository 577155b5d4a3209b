"""Files over the API: what a program sends as a form, and what it gets as a download."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, get_args

from fastapi import Depends
from fastapi.params import Depends as Dependency
from starlette.background import BackgroundTask
from starlette.datastructures import UploadFile
from starlette.responses import FileResponse

from analytics.imports.drafts import MOST_BYTES, plain_name
from config.errors import MeizhenError
from web.api.call import StreamedWrite, Write, streaming, writing

_FORM = "multipart/form-data"
_BINARY = {"type": "string", "format": "binary"}


@dataclass(frozen=True)
class Sent:
    """A file that came with a request, under the name its sender gave it."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Upload:
    """The parts of a form by name; `file` is there."""

    parts: Mapping[str, Sent]

    @contextmanager
    def on_disk(self) -> Iterator[Mapping[str, Path]]:
        """The parts as files of a folder of our own, gone afterwards; each with its own name."""
        with TemporaryDirectory(prefix="meizhen-upload-") as folder:
            paths = {}
            for part, sent in self.parts.items():
                path = Path(folder) / part / plain_name(sent.name)
                path.parent.mkdir()
                path.write_bytes(sent.content)
                paths[part] = path
            yield paths


class _Taking:
    """The dependency that reads a form of these parts, once the caller's key was let in."""

    def __init__(self, *optional: str) -> None:
        self.optional = optional

    async def __call__(self, write: Annotated[Write, Depends(writing)]) -> Upload:
        names = ("file", *self.optional)
        async with write.call.request.form(max_files=len(names), max_fields=len(names)) as form:
            found = {
                name: Sent(part.filename, await part.read())
                for name in names
                if isinstance(part := form.get(name), UploadFile) and part.filename
            }
        if "file" not in found:
            raise MeizhenError("api.no_file")
        if any(len(sent.content) > MOST_BYTES for sent in found.values()):
            raise MeizhenError("figures_page.too_large", limit=MOST_BYTES // 1024**2)
        return Upload(found)

    def described(self) -> dict[str, Any]:
        """The form in OpenAPI."""
        schema = {
            "type": "object",
            "required": ["file"],
            "properties": dict.fromkeys(("file", *self.optional), _BINARY),
        }
        return {"requestBody": {"required": True, "content": {_FORM: {"schema": schema}}}}


UploadedTable = Annotated[Upload, Depends(_Taking())]
"""A form with one `file`: CSV or xlsx."""

UploadedFigures = Annotated[Upload, Depends(_Taking("mapping"))]
"""The same, and perhaps a `mapping` (TOML) that tells its columns."""


def _film(write: Annotated[StreamedWrite, Depends(streaming)]) -> Path:
    return write.path


SentFilm = Annotated[Path, Depends(_film)]
"""The body itself as a file: an MP4. Only where the route is `streamed`."""


def form_of(annotation: object) -> dict[str, Any] | None:
    """What OpenAPI says of a parameter that is a form or a film; None for any other."""
    for told in get_args(annotation)[1:]:
        if isinstance(told, Dependency) and isinstance(told.dependency, _Taking):
            return told.dependency.described()
        if isinstance(told, Dependency) and told.dependency is _film:
            return {"requestBody": {"required": True, "content": {"video/mp4": {"schema": _BINARY}}}}
    return None


@dataclass(frozen=True)
class Download:
    """A file for the caller to keep: `write` makes it in a folder, which is gone once it was sent.

    `act`, `subject` and `details` are for the ledger, where the command is told there too.
    """

    write: Callable[[Path], Path]
    act: str = ""
    subject: str = ""
    details: Mapping[str, object] = field(default_factory=dict)

    def response(self, kind: str, headers: Mapping[str, str]) -> FileResponse:
        folder = TemporaryDirectory(prefix="meizhen-download-")
        try:
            path = self.write(Path(folder.name))
        except BaseException:
            folder.cleanup()
            raise
        more = {**headers, "X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-store"}
        done = BackgroundTask(folder.cleanup)
        return FileResponse(path, media_type=kind, filename=path.name, headers=more, background=done)
