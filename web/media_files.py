"""The bytes of media over HTTP: from the media folder only, by their hash, and never as a page of ours."""

from http import HTTPStatus
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import FileResponse

from scheduler.media import MediaFile, media_path

# Were a file ever taken for a page, it could do nothing: no scripts, no forms, no frame around it.
_POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"


def media_response(folder: Path, row: MediaFile, *, attached: bool = True) -> FileResponse:
    """The file as a download, or with `attached=False` for an `<img>` of ours.

    Its type is what its bytes were judged to be, and browsers are told not to guess. 404 where it is gone.
    """
    path = media_path(folder, row.sha256)
    if path.is_symlink() or not path.is_file() or not path.resolve().is_relative_to(folder.resolve()):
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return FileResponse(
        path,
        media_type=row.content_type,
        filename=row.file_name,
        content_disposition_type="attachment" if attached else "inline",
        headers={
            "Content-Security-Policy": _POLICY,
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
            # What a hash names never changes; whether one may see it does.
            "Cache-Control": "private, no-cache",
            "ETag": f'"{row.sha256}"',
        },
    )
