"""What a post refers to by number: its pictures, each uploaded once, and the site's categories and tags."""

import json
from datetime import timedelta

from connectors._contract import Access, Media, Outgoing
from connectors._errors import Label, Refused
from connectors._json import web_address
from connectors._pictures import remembered_as, upload_of
from connectors._told import count
from connectors._wordpress_calls import code_of, failure, fine, get, listed, post, upload

PICTURES = 20
PICTURE_BYTES = 8 * 1024 * 1024  # PHP takes 8 MB where nobody changed it; a stricter site says 413
_KEPT = timedelta(days=30)
_NO_CATEGORY = Label(
    "网站上没有这个分类目录，请填它的别名（slug）。", "The site has no such category: give its slug."
)


def uploaded(access: Access, outgoing: Outgoing) -> list[tuple[int, str]]:
    """Number and address of each picture. Each is uploaded once, however often this is asked."""
    return [_picture(access, media) for media in outgoing.media]


def forget(access: Access, outgoing: Outgoing) -> None:
    """Drops what is remembered of the pictures: somebody has deleted one at the site."""
    for media in outgoing.media:
        access.memory.forget(remembered_as(media))


def categories(access: Access, slugs: list[str]) -> list[int]:
    """The numbers of the categories. Raises Refused for one that the site does not have: none is made."""
    if not slugs:
        return []
    params: dict[str, str | int] = {"slug": ",".join(slugs), "per_page": 100, "_fields": "id,slug"}
    found = {item.get("slug"): item.get("id") for item in listed(get(access, "/wp/v2/categories", params))}
    numbers = [found.get(slug) for slug in slugs]
    missing = [slug for slug, number in zip(slugs, numbers, strict=True) if count(number) is None]
    if missing:
        raise Refused(", ".join(missing)[:200], platform_code="no-category", remedy=_NO_CATEGORY)
    return [number for number in numbers if isinstance(number, int)]


def tags(access: Access, names: list[str]) -> list[int]:
    """The numbers of the tags; one that the site does not have is made."""
    return [_tag(access, name) for name in names]


def _tag(access: Access, name: str) -> int:
    answer = post(access, "/wp/v2/tags", {"name": name}, writes=False)
    if answer.status == 400 and code_of(answer) == "term_exists":
        data = answer.json_object().get("data")
        number = data.get("term_id") if isinstance(data, dict) else None
    else:
        number = fine(access, answer).json_object().get("id")
    found = count(number)
    if found is None:
        raise answer.bad("no number of a tag")
    return found


def _picture(access: Access, media: Media) -> tuple[int, str]:
    kept = access.memory.get(remembered_as(media))
    if kept is None:
        kept = json.dumps(_upload(access, media))
        access.memory.put(remembered_as(media), kept, until=access.now() + _KEPT)
    number, address = json.loads(kept)
    return int(number), str(address)


def _upload(access: Access, media: Media) -> tuple[int, str]:
    answer = upload(access, upload_of(media))
    if answer.status != 201:
        raise failure(access, answer)
    told = answer.json_object()
    number, address = count(told.get("id")), web_address(told.get("source_url"))
    if number is None or not address:
        raise answer.bad("no number or address of the picture")
    if media.alt:
        fine(access, post(access, f"/wp/v2/media/{number}", {"alt_text": media.alt}, writes=False))
    return number, address
