"""Materials and drafts: lengths, the required cover, foreign pictures filtered (sections 3, 4, 12.4)."""

import re
from typing import Any

from sandbox.platforms._wechat_desk import Call, No, Part, memory, new_id

_MEGABYTE = 1024 * 1024
_OURS = "http://mmbiz.qpic.cn/"
_PICTURES = frozenset({"image/bmp", "image/png", "image/jpeg", "image/gif"})
_IMG = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
_SRC = re.compile(r'\bsrc\s*=\s*"([^"]*)"', re.IGNORECASE)
_SCRIPT = re.compile(r"<script\b.*?</script\s*>", re.IGNORECASE | re.DOTALL)
_ESCAPE = re.compile(rb"\\u[0-9a-fA-F]{4}")
_TAG = re.compile(r"</?[a-zA-Z]")
_LENGTHS = (("title", 32, 45003), ("author", 16, 45110), ("digest", 120, 45004))


def add_material(call: Call) -> dict[str, Any]:
    kind = call.query.get("type", "")
    part = _part(call)
    if kind not in ("image", "voice", "video", "thumb"):
        raise No(40004, "invalid media type")
    if kind == "thumb" and (part.content_type != "image/jpeg" or len(part.content) > 64 * 1024):
        raise No(40006, "invalid media size")
    if kind == "image":
        _check_picture(part, _PICTURES, 10 * _MEGABYTE)
    media_id = new_id(call.world, call.account, "material")
    url = f"{_OURS}mmbiz_png/{media_id}/0" if kind == "image" else ""
    memory(call.account, "materials")[media_id] = {"type": kind, "name": part.name, "url": url}
    return {"media_id": media_id, **({"url": url} if url else {})}


def upload_image(call: Call) -> dict[str, Any]:
    part = _part(call)
    _check_picture(part, frozenset({"image/png", "image/jpeg"}), _MEGABYTE - 1)
    return {"url": f"{_OURS}mmbiz_png/{new_id(call.world, call.account, 'inline')}/0"}


def material_count(call: Call) -> dict[str, Any]:
    kinds = [item["type"] for item in memory(call.account, "materials").values()]
    named = {f"{kind}_count": kinds.count(kind) for kind in ("voice", "video", "image")}
    return {**named, "news_count": 0}


def delete_material(call: Call) -> dict[str, Any]:
    if memory(call.account, "materials").pop(str(call.body.get("media_id")), None) is None:
        raise No(40007)
    return {"errcode": 0, "errmsg": "ok"}


def add(call: Call) -> dict[str, Any]:
    articles = call.body.get("articles")
    if not isinstance(articles, list) or not 1 <= len(articles) <= 8:
        raise No(45008, "article num out of limit")
    made = [_article(call, article) for article in articles]
    media_id = new_id(call.world, call.account, "draft")
    memory(call.account, "drafts")[media_id] = _dated(call, made, call.seconds)
    return {"media_id": media_id, "item": []}


def update(call: Call) -> dict[str, Any]:
    draft = _draft(call)
    index, article = call.body.get("index"), call.body.get("articles")
    if not isinstance(article, dict):
        raise No(47001, "data format error")
    if not isinstance(index, int) or not 0 <= index < len(draft["news_item"]):
        raise No(40114, "invalid index value")
    draft["news_item"][index] = _article(call, article)
    draft["update_time"] = call.seconds
    return {"errcode": 0, "errmsg": "ok"}


def get(call: Call) -> dict[str, Any]:
    draft = _draft(call)
    preview = [{**article, "url": "http://mp.weixin.qq.com/s?tempkey=1"} for article in draft["news_item"]]
    return {**draft, "news_item": preview}


def batchget(call: Call) -> dict[str, Any]:
    drafts = reversed(memory(call.account, "drafts").items())
    bare = bool(call.body.get("no_content", 0))
    return call.page(
        [
            {
                "media_id": media_id,
                "content": {**draft, "news_item": [_shown(article, bare) for article in draft["news_item"]]},
                "update_time": draft["update_time"],
            }
            for media_id, draft in drafts
        ]
    )


def delete(call: Call) -> dict[str, Any]:
    """Deleting twice is fine as well."""
    memory(call.account, "drafts").pop(str(call.body.get("media_id")), None)
    return {"errcode": 0, "errmsg": "ok"}


def count(call: Call) -> dict[str, Any]:
    return {"total_count": len(memory(call.account, "drafts"))}


def take(call: Call, media_id: str) -> list[dict[str, Any]]:
    """The articles of a draft that is consumed now: its media_id vanishes (section 12.4)."""
    draft = memory(call.account, "drafts").pop(media_id, None)
    if draft is None:
        raise No(40007)
    articles: list[dict[str, Any]] = draft["news_item"]
    return articles


def _draft(call: Call) -> dict[str, Any]:
    draft: dict[str, Any] | None = memory(call.account, "drafts").get(str(call.body.get("media_id")))
    if draft is None:
        raise No(40007)
    return draft


def _dated(call: Call, articles: list[dict[str, Any]], created: int) -> dict[str, Any]:
    return {"news_item": articles, "create_time": created, "update_time": call.seconds}


def _shown(article: dict[str, Any], bare: bool) -> dict[str, Any]:
    return {name: value for name, value in article.items() if not (bare and name == "content")}


def _article(call: Call, given: object) -> dict[str, Any]:
    """An article as the platform keeps it, or its refusal."""
    if not isinstance(given, dict):
        raise No(47001, "data format error")
    if _ESCAPE.search(call.raw):
        raise No(40033)
    article = {"author": "", "digest": "", "content_source_url": "", "thumb_media_id": "", **given}
    for name, most, code in _LENGTHS:
        if len(article.get(name, "")) > most:
            raise No(code, f"{name} size out of limit")
    if not article.get("title"):
        raise No(45003, "title is empty")
    content = article.get("content", "")
    if not content:
        raise No(44004, "empty content")
    if len(content) >= 20_000 or len(content.encode()) >= _MEGABYTE:
        raise No(45002, "content size out of limit")
    link = article["content_source_url"]
    if link and (not link.startswith(("http://", "https://")) or len(link.encode()) > 1024):
        raise No(41039, "invalid content_source_url")
    _check_covers(call, article)
    article["content"] = _IMG.sub(_kept, _SCRIPT.sub("", content))
    article["digest"] = article["digest"] or re.sub(r"<[^>]+>", "", content)[:54]
    return article


def _check_covers(call: Call, article: dict[str, Any]) -> None:
    materials = memory(call.account, "materials")
    if article.get("article_type", "news") == "newspic":
        listed = article.get("image_info", {}).get("image_list", [])
        needed = [item.get("image_media_id") for item in listed]
        if not 1 <= len(needed) <= 20 or _TAG.search(article["content"]):
            raise No(40035, "invalid newspic")
    else:
        needed = [article["thumb_media_id"]]
    if any(media_id not in materials for media_id in needed):
        raise No(40007)


def _kept(img: re.Match[str]) -> str:
    """A picture from the upload interfaces stays; any other vanishes without a word."""
    source = _SRC.search(img.group())
    return img.group() if source and source.group(1).startswith(_OURS) else ""


def _part(call: Call) -> Part:
    if call.part is None:
        raise No(41005, "media data missing")
    if not call.part.content:
        raise No(44001, "empty media data")
    return call.part


def _check_picture(part: Part, types: frozenset[str], most: int) -> None:
    if part.content_type not in types:
        raise No(40137, "invalid image format")
    if len(part.content) > most:
        raise No(40009, "invalid image size")
