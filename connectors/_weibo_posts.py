"""A post on its way out: as a share or as a 头条文章, and where it went after a lost answer."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import quote, urlsplit

from connectors._contract import Access, Outgoing, Receipt, ReceiptState
from connectors._errors import Label, NeedsPerson, Refused, Throttled, Uncertain, Unreachable
from connectors._weibo_budget import Purpose
from connectors._weibo_calls import Calls
from connectors._weibo_errors import Repeated, domain_remedy
from connectors._weibo_known import KnownPost, KnownPosts
from connectors._weibo_picture import load_picture, picture_problem
from connectors._weibo_status import Status, identifier, public_url
from connectors._weibo_text import chinese_length, has_link, has_link_on, headline, plain, same_post

TEXT_LENGTH = 130  # of 140: ten characters of safety (sheet section 2)
ARTICLE_TITLE = 32
ARTICLE_CONTENT = 90_000
ARTICLE_TEXT = 1_900
_REPEAT_HOURS = 24
_CLOCKS_APART = timedelta(minutes=2)
_NO_LINK = Label(
    "微博要求正文至少有一个安全域名下的链接：请加上链接，链接后留一个空格。",
    "Weibo wants a link on the account's safe domain in the text: add one, followed by a space.",
)
_NO_ARTICLES = Label(
    "该账号未开通头条文章接口：请联系蓝V客服开通，再在账号表单中填 yes。",
    "The account has no article interface: ask its Weibo service contact, then put yes in its form.",
)
_CHANGED = Label(
    "微博改动了正文（常见于 #话题#），请到主页核对。",
    "Weibo changed the text (as it does with #topics#): compare it on the account's page.",
)
_NOT_SEEN = Label(
    "最新五条微博里没有找到：请到账号主页查看是否已发出，再决定是否重发。",
    "Not among the newest five posts: look at the account's page, then decide whether to send it again.",
)


def is_article(outgoing: Outgoing) -> bool:
    return outgoing.options.get("mode") == "article"


def post_problems(outgoing: Outgoing) -> tuple[Label, ...]:
    """What Weibo would refuse of a post (sheet sections 2 and 4)."""
    if outgoing.options.get("mode", "share") not in ("", "share", "article"):
        return (Label("模式只能是 share 或 article。", "The mode is share or article."),)
    found = _article_problems(outgoing) if is_article(outgoing) else _share_problems(outgoing)
    return tuple(label for label in found if label is not None)


def _share_problems(outgoing: Outgoing) -> tuple[Label | None, ...]:
    return (
        None if has_link(outgoing.text) else _NO_LINK,
        _over("正文", "The text", chinese_length(outgoing.text), TEXT_LENGTH),
        _over("图片", "Pictures", len(outgoing.media), 1),
        *(picture_problem(media) for media in outgoing.media),
    )


def _article_problems(outgoing: Outgoing) -> tuple[Label | None, ...]:
    cover = outgoing.options.get("cover", "")
    return (
        None if outgoing.title.strip() else Label("头条文章须有标题。", "An article needs a title."),
        None if outgoing.text.strip() else Label("头条文章须有正文。", "An article needs a text."),
        _over("标题", "The title", len(outgoing.title), ARTICLE_TITLE),
        _over("正文", "The text", len(outgoing.text), ARTICLE_CONTENT),
        _over("随文微博", "The post with it", len(_post_text(outgoing)), ARTICLE_TEXT),
        None
        if not outgoing.media
        else Label("头条文章的封面请填图片链接。", "Give an article's cover as a link: it takes no file."),
        None
        if not cover or cover.startswith(("http://", "https://"))
        else Label("封面须是图片链接。", "The cover must be a link."),
    )


def _over(zh: str, en: str, length: int, limit: int) -> Label | None:
    if length <= limit:
        return None
    return Label(f"{zh}超出上限：{length}，最多 {limit}。", f"{en}: {length}, at most {limit}.")


def send(access: Access, outgoing: Outgoing) -> Receipt:
    """Sends the post and remembers its id for counting. Raises Refused, before any call, for a bad one."""
    problems = post_problems(outgoing)
    if problems:
        remedy = Label("".join(label.zh for label in problems), " ".join(label.en for label in problems))
        raise Refused(remedy.en, platform_code="content", remedy=remedy)
    return _send_article(access, outgoing) if is_article(outgoing) else _send_share(access, outgoing)


def _send_share(access: Access, outgoing: Outgoing) -> Receipt:
    domains = access.credentials["safe_domain"]
    if not has_link_on(outgoing.text, domains):
        raise Refused("no link on the safe domain", platform_code="10017", remedy=domain_remedy(domains))
    files = {"pic": load_picture(outgoing.media[0])} if outgoing.media else None
    form = {"status": outgoing.text, "rip": access.credentials["rip"]}
    calls = Calls(access, Purpose.PUBLISHING)
    try:
        status = calls.share(form, files)
    except Repeated as repeated:
        return _found_or(repeated, calls, outgoing)
    return _published(access, outgoing, status)


def _found_or(repeated: Repeated, calls: Calls, outgoing: Outgoing) -> Receipt:
    """A repeat refused is our post out already, where the timeline holds it."""
    since = calls.access.now() - timedelta(hours=_REPEAT_HOURS)
    try:
        status = _look(calls, outgoing, since)
    except (Unreachable, Throttled) as error:
        # Sending later would no longer meet the repeat check: only a look may follow.
        raise Uncertain(repeated.platform_text, platform_code=repeated.platform_code) from error
    if status is None:
        raise repeated
    return _published(calls.access, outgoing, status)


def _send_article(access: Access, outgoing: Outgoing) -> Receipt:
    if access.credentials.get("article", "").strip().lower() != "yes":
        raise NeedsPerson(
            "no article interface", platform_code="article", remedy=_NO_ARTICLES, account_wide=False
        )
    data = Calls(access, Purpose.PUBLISHING).publish_article(_article_form(access, outgoing))
    mid = identifier(data.get("mid"))
    if not mid:
        raise Uncertain("the answer names no post", platform_code="bad-answer")
    _remember(access, outgoing, mid, access.now())
    return Receipt(
        ReceiptState.PUBLISHED,
        mid,
        _article_url(data.get("url")) or public_url(access.credentials["uid"], mid),
        {"object_id": str(data.get("object_id", ""))},
    )


def _article_form(access: Access, outgoing: Outgoing) -> Mapping[str, str]:
    """The fields of section 4. `content` is itself percent-encoded inside its field, as PHP's rawurlencode
    does (the note of 头条/api; its demo weiboeditor/open, publish.php): spaces are %20, never +."""
    optional = {name: outgoing.options.get(name, "") for name in ("cover", "summary")}
    return {
        "title": outgoing.title,
        "content": quote(outgoing.text, safe=""),
        "text": _post_text(outgoing),
        "rip": access.credentials["rip"],
        **{name: value for name, value in optional.items() if value},
    }


def _post_text(outgoing: Outgoing) -> str:
    """The words of the post that appears on the timeline."""
    if not is_article(outgoing):
        return outgoing.text
    return outgoing.options.get("post_text", "").strip() or outgoing.title


def _article_url(url: object) -> str:
    """Weibo's own address of the article; '' for anything that is not one."""
    if not isinstance(url, str):
        return ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    known = (parts.hostname or "") in ("weibo.com", "www.weibo.com", "media.weibo.cn")
    return url if known and parts.scheme == "https" else ""


def find_post(access: Access, outgoing: Outgoing, since: datetime) -> Receipt:
    """The post after a lost answer. Raises Uncertain where it is not seen: five posts prove no absence."""
    status = _look(Calls(access, Purpose.PUBLISHING), outgoing, since - _CLOCKS_APART)
    if status is None:
        raise Uncertain("not among the newest posts", platform_code="not-seen", remedy=_NOT_SEEN)
    return _published(access, outgoing, status)


def _look(calls: Calls, outgoing: Outgoing, since: datetime) -> Status | None:
    """The newest post with our text from `since` on that no other delivery of ours has made."""
    deliveries = KnownPosts(calls.access.memory).deliveries()
    text = _post_text(outgoing)
    for status in calls.timeline():
        ours = deliveries.get(status.id, outgoing.key) == outgoing.key
        if ours and status.at is not None and status.at >= since and same_post(text, status.text):
            return status
    return None


def _published(access: Access, outgoing: Outgoing, status: Status) -> Receipt:
    _remember(access, outgoing, status.id, status.at or access.now())
    changed = plain(status.text) != plain(_post_text(outgoing))
    url = public_url(access.credentials["uid"], status.id)
    return Receipt(ReceiptState.PUBLISHED, status.id, url, note=_CHANGED if changed else None)


def _remember(access: Access, outgoing: Outgoing, post_id: str, at: datetime) -> None:
    title = outgoing.title if is_article(outgoing) else headline(outgoing.text)
    KnownPosts(access.memory).keep([KnownPost(post_id, at, title, key=outgoing.key)])
