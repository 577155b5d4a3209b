"""Files that forms bring: read whole below a limit, and kept under a name of ours."""

from collections.abc import Collection
from pathlib import Path

from fastapi import Request
from starlette.datastructures import FormData, UploadFile

from config.errors import MeizhenError

TABLES = (".csv", ".xlsx")
MOST_TABLE = 8 * 1024 * 1024


async def form_of(request: Request) -> FormData:
    """The form that the gate has read already, once it let the person in."""
    return await request.form()


def uploaded(
    file: object, folder: Path, *, endings: Collection[str] = TABLES, most: int = MOST_TABLE
) -> Path:
    """A form's file, put into the folder. Raises MeizhenError where there is none, or no table."""
    if not isinstance(file, UploadFile) or not file.filename:
        raise MeizhenError("figures_page.no_file")
    content = file.file.read(most + 1)
    file.file.close()
    if len(content) > most:
        raise MeizhenError("figures_page.too_large", limit=most // 1024**2)
    ending = Path(file.filename).suffix.lower()
    if ending not in endings:
        raise MeizhenError("award.given_kind", received=ending, known=", ".join(endings))
    path = folder / f"table{ending}"
    path.write_bytes(content)
    return path
