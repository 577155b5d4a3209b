"""What Weibo takes: shares and 头条文章, with everything it checks first (sheet sections 2, 4 and 8)."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from sandbox.platforms._weibo_calls import Call
from sandbox.platforms._weibo_errors import ArticleError, WeiboError
from sandbox.platforms._weibo_statuses import (
    LINK,
    PLATFORM,
    address,
    next_id,
    short_link,
    shown_text,
    status,
)
from sandbox.world import Published

_TEXT_BYTES = 280  # 140 Chinese characters
_LINK_BYTES = 20
_PICTURE_BYTES = 5 * 1024 * 1024
_MAGIC = (b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"\x89PNG\r\n\x1a\n")
_HOURLY_POSTS = 30
_ARTICLE_LIMITS = {"title": 32, "content": 90_000, "text": 1_900}


def share(call: Call) -> dict[str, Any]:
    """`POST /2/statuses/share.json`."""
    text = call.fields.get("status", "")
    if not call.fields.get("rip"):
        raise WeiboError(10016, "Miss required parameter (rip), see doc for more info")
    _check_text(call, text)
    _check_picture(call.picture)
    _check_words(call, text)
    _check_repeat(call, text)
    if _posts_of_last_hour(call) >= int(call.account.switches.get("hourly_posts", _HOURLY_POSTS)):
        raise WeiboError(20016)
    removes_topics = bool(call.account.switches.get("removes_topics", True))
    post = _store(
        call,
        shown_text(text, removes_topics=removes_topics),
        sent=text,
        picture=call.picture is not None,
    )
    return status(call.world, call.account, post, trim_user=False)


def _check_text(call: Call, text: str) -> None:
    if not text.strip():
        raise WeiboError(20008)
    # What GBK lacks has four bytes in its superset GB18030.
    length = len(LINK.sub("", text).encode("gb18030", "replace")) + _LINK_BYTES * len(LINK.findall(text))
    if length > _TEXT_BYTES:
        raise WeiboError(20012)
    safe = [domain.strip().lower() for domain in str(call.account.switches["safe_domain"]).split(",")]
    hosts = [_host(link) for link in LINK.findall(text)]
    if not any(host == domain or host.endswith("." + domain) for host in hosts for domain in safe):
        raise WeiboError(10017)


def _host(link: str) -> str:
    try:
        return urlsplit(link).hostname or ""
    except ValueError:
        return ""


def _check_picture(picture: bytes | None) -> None:
    if picture is None:
        return
    if not picture.startswith(_MAGIC):
        raise WeiboError(20005)
    if len(picture) >= _PICTURE_BYTES:
        raise WeiboError(20006)


def _check_words(call: Call, text: str) -> None:
    """The switch `sensitive`: a list of words (20021), or each word with its code."""
    words = call.account.switches.get("sensitive", ())
    coded = words if isinstance(words, dict) else dict.fromkeys(words, 20021)
    for word, code in coded.items():
        if word in text:
            raise WeiboError(int(code))


def _check_repeat(call: Call, text: str) -> None:
    since = call.world.now() - timedelta(hours=24)
    for post in call.world.of(PLATFORM, call.account.account):
        if post.at > since and post.extra.get("sent") == text and not post.extra.get("deleted"):
            post.received += 1
            raise WeiboError(20019)


def _posts_of_last_hour(call: Call) -> int:
    since = call.world.now() - timedelta(hours=1)
    posts = call.world.of(PLATFORM, call.account.account)
    return sum(post.at > since and "sent" in post.extra for post in posts)


def publish_article(call: Call) -> dict[str, Any]:
    """`POST /proxy/article/publish.json`: the article, and the post that goes with it."""
    if not call.account.switches.get("article", True):
        raise WeiboError(10014)
    if not call.fields.get("rip"):
        raise ArticleError(10008, "rip")
    fields = {name: call.fields.get(name, "") for name in _ARTICLE_LIMITS}
    encoded = fields["content"]
    fields["content"] = unquote(encoded)
    # rawurlencode: only unreserved characters stand plain, a space is %20
    if quote(fields["content"], safe="").upper() != encoded.upper():
        raise ArticleError(10008, "content")
    for name, limit in _ARTICLE_LIMITS.items():
        if not fields[name].strip() or len(fields[name]) > limit:
            raise ArticleError(10008, name)
    if _posts_of_last_hour(call) >= int(call.account.switches.get("hourly_posts", _HOURLY_POSTS)):
        raise ArticleError(11001)
    return _stored_article(call, fields)


def _stored_article(call: Call, fields: dict[str, str]) -> dict[str, Any]:
    mid = next_id(call.world, call.account)
    article = f"230940{mid}"
    url = f"https://weibo.com/ttarticle/p/show?id={article}"
    shown = f"{shown_text(fields['text'], removes_topics=False)} {short_link(url)}"
    _store(call, shown, title=fields["title"], sent=fields["text"], article=fields["content"])
    data = {"object_id": f"1022:{article}", "url": url, "mid": mid}
    return {"code": 100000, "msg": "", "data": data}


def _store(call: Call, shown: str, *, title: str = "", **extra: Any) -> Published:
    mid = next_id(call.world, call.account)
    url = address(call.account.credentials["uid"], mid)
    return call.world.publish(
        PLATFORM, call.account.account, remote_id=mid, title=title, text=shown, url=url, **extra
    )
