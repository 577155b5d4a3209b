"""The article as WeChat takes it: a text made safe, pictures in their places, and the limits.

Facts: sheet sections 3 and 4. The option `format` says how a text is written; one without it that begins with
a tag is HTML, any other is plain, one paragraph a line. `media:<n>` stands for the n-th file of the post,
counted from 1 (the cover): as address of a picture in HTML or Markdown, as a line of its own in plain text.
Files after the cover that are named nowhere follow at the end.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from html import escape
from html.parser import HTMLParser
from urllib.parse import urlsplit

from connectors._contract import Limits, Media, Outgoing
from connectors._errors import Label
from connectors._formats import format_of, plain_of
from connectors._wechat_html import PLACEHOLDER, html_of, is_html

MODES = ("publish", "mass")
FORMS = ("news", "pictures")
COMMENTS = ("off", "open", "fans")
PICTURE_BYTES = 10 * 1024 * 1024
INLINE_BYTES = 1024 * 1024  # uploadimg takes less than this
INLINE_TYPES = frozenset({"image/jpeg", "image/png"})
PICTURE_TYPES = INLINE_TYPES | {"image/gif", "image/bmp"}

_TITLE = 32
_AUTHOR = 16
_DIGEST = 120
_LINK_BYTES = 1024
_CONTENT = 19_999  # "< 20,000 characters and < 1 MB"
_CONTENT_BYTES = 1024 * 1024 - 1
_PICTURES = 20  # of a picture message; an article has no limit of its own, we keep the same

_OUR_HOST = "mmbiz.qpic.cn"  # where WeChat's uploads live
_STAND_IN = f"http://{_OUR_HOST}/" + "x" * 120  # as long as a real picture address
_PLACED = re.compile(r'(<img\b(?:\s+[\w-]+="[^"]*")*?\s+src=")media:(\d{1,3})"')


@dataclass(frozen=True)
class Body:
    """The text made safe, with `media:<n>` still in place."""

    html: str
    sources: tuple[str, ...]  # of its <img>s; '' where an address was not allowed

    def placed(self) -> frozenset[int]:
        """The numbers of the files that the text itself names."""
        found = (PLACEHOLDER.fullmatch(source) for source in self.sources)
        return frozenset(int(match.group(1)) for match in found if match)

    def foreign(self) -> tuple[str, ...]:
        """Pictures that WeChat would filter out without a word (section 3)."""
        return tuple(source for source in self.sources if lies_elsewhere(source))

    def with_pictures(self, addresses: Mapping[int, str]) -> str:
        """The content as sent: every placeholder has its address, the files named nowhere follow."""
        html = _PLACED.sub(lambda found: f'{found[1]}{escape(addresses[int(found[2])])}"', self.html)
        rest = [address for place, address in sorted(addresses.items()) if place not in self.placed()]
        return html + "".join(f'<p><img src="{escape(address)}"></p>' for address in rest)


def lies_elsewhere(source: str) -> bool:
    """Is this address of a picture neither a file of the post nor WeChat's own?"""
    try:
        return not PLACEHOLDER.fullmatch(source) and urlsplit(source).hostname != _OUR_HOST
    except ValueError:  # half an address
        return True


class _Sources(HTMLParser):
    """Collects where the pictures of a clean text come from."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.found.append(dict(attrs).get("src") or "")


def body_of(written: str, written_as: str = "") -> Body:
    """The body of a post's text; `written_as` is the option `format`, '' where it says nothing."""
    html = html_of(written, written_as)
    sources = _Sources()
    sources.feed(html)
    sources.close()
    return Body(html, tuple(sources.found))


def content_of(outgoing: Outgoing, address_of: Callable[[Media], str]) -> str:
    """The article's HTML, with the pictures at the addresses that are given for them.

    The one way to it: what is sent and what a preview shows differ in these addresses only.
    """
    body = _body(outgoing)
    places = {*range(2, len(outgoing.media) + 1), *body.placed()}
    return body.with_pictures({place: address_of(outgoing.media[place - 1]) for place in sorted(places)})


def words_of(outgoing: Outgoing) -> str:
    """The text of a picture message: WeChat takes no HTML there."""
    return plain_of(outgoing.text, format_of(outgoing.options)).strip()


def _body(outgoing: Outgoing) -> Body:
    return body_of(outgoing.text, outgoing.options.get(Outgoing.FORMAT, ""))


def count_content(written: str, written_as: str = "") -> int:
    """The characters that WeChat counts: those of the HTML, not of what a reader sees."""
    return len(_with_stand_ins(body_of(written, written_as)))


def limits_for(options: Mapping[str, str]) -> Limits:
    """The limits of a text that is written as these options say."""
    written_as = options.get(Outgoing.FORMAT, "")
    return replace(LIMITS, count_text=partial(count_content, written_as=written_as)) if written_as else LIMITS


def _with_stand_ins(body: Body) -> str:
    return _PLACED.sub(f'\\1{_STAND_IN}"', body.html)


LIMITS = Limits(
    # 32 is the newest manual's; older pages and the console say 64. A title that only some of them take
    # would fail at its due time with 45003, so the strict one is declared.
    title_length=_TITLE,
    text_length=_CONTENT,
    count_text=count_content,
    pictures=_PICTURES,
    picture_bytes=PICTURE_BYTES,
    picture_types=PICTURE_TYPES,
    title_required=True,
    picture_required=True,
)


def problems_of(outgoing: Outgoing) -> tuple[Label, ...]:
    """What WeChat would refuse, or drop without a word, seen without asking it."""
    return tuple(
        problem
        for look in (_title_problems, _text_problems, _option_problems, _picture_problems)
        for problem in look(outgoing)
    )


def too_long(content: str) -> Label | None:
    """The problem of content whose pictures have their real addresses."""
    if len(content) > _CONTENT or len(content.encode()) > _CONTENT_BYTES:
        return Label(
            f"正文（HTML）有 {len(content)} 个字符，最多 {_CONTENT} 个且小于 1 MB：请精简排版或内容。",
            f"The text has {len(content)} characters as HTML, at most {_CONTENT} and under 1 MB: shorten it.",
        )
    return None


def _title_problems(outgoing: Outgoing) -> Iterator[Label]:
    if not outgoing.title.strip():
        yield Label("请填写标题。", "A title is needed.")
    yield from _length("标题", "The title", outgoing.title, _TITLE)
    yield from _length("作者", "The author", outgoing.options.get("author", ""), _AUTHOR)
    yield from _length("摘要", "The digest", outgoing.options.get("digest", ""), _DIGEST)


def _length(zh: str, en: str, value: str, most: int) -> Iterator[Label]:
    if len(value) > most:
        yield Label(
            f"{zh}有 {len(value)} 个字，最多 {most} 个：请缩短。",
            f"{en} has {len(value)} characters, at most {most}: shorten it.",
        )


def _text_problems(outgoing: Outgoing) -> Iterator[Label]:
    body = _body(outgoing)
    if not body.html.strip():
        yield Label("请填写正文。", "A text is needed.")
    long = too_long(_with_stand_ins(body))
    if long is not None:
        yield long
    pictures_only = outgoing.options.get("form") == "pictures"
    if pictures_only and not outgoing.options.get(Outgoing.FORMAT) and is_html(outgoing.text, ""):
        yield Label("图片消息只能用纯文字，不能用 HTML。", "A picture message takes plain text, no HTML.")
    for source in body.foreign():
        shown = source[:80] or "data:…"
        yield Label(
            f"正文里的图片 {shown} 不是本稿上传的，微信会悄悄删掉它：请上传图片，用 media:2 这样的写法引用。",
            f"The picture {shown} was not uploaded with this post and WeChat would drop it without a word:"
            " upload it and refer to it as media:2.",
        )
    for place in sorted(body.placed()):
        if not 1 <= place <= len(outgoing.media):
            yield Label(
                f"正文引用了 media:{place}，但本稿只有 {len(outgoing.media)} 个文件。",
                f"The text refers to media:{place}, but the post has {len(outgoing.media)} files.",
            )


def _option_problems(outgoing: Outgoing) -> Iterator[Label]:
    options = outgoing.options
    yield from _choice("mode", options.get("mode", ""), MODES)
    yield from _choice("form", options.get("form", ""), FORMS)
    yield from _choice("comments", options.get("comments", ""), COMMENTS)
    yield from _choice("reprint", options.get("reprint", ""), ("stop", "send"))
    tag = options.get("tag_id", "")
    if tag and not (tag.isascii() and tag.isdigit() and len(tag) < 10):
        yield Label("tag_id 应为标签的数字编号。", "tag_id should be the number of a tag.")
    link = options.get("link", "")
    if link and (urlsplit(link).scheme not in ("http", "https") or len(link.encode()) > _LINK_BYTES):
        yield Label(
            "“阅读原文”链接应以 http:// 或 https:// 开头，不超过 1 KB。",
            "The original link should begin with http:// or https:// and have at most 1 KB.",
        )


def _choice(name: str, value: str, known: Sequence[str]) -> Iterator[Label]:
    if value and value not in known:
        listed = " | ".join(known)
        yield Label(f"{name} 应为 {listed} 之一。", f"{name} should be one of {listed}.")


def _picture_problems(outgoing: Outgoing) -> Iterator[Label]:
    if not outgoing.media:
        yield Label("请上传封面：第一张图片就是封面。", "A cover is needed: the first picture is it.")
    if len(outgoing.media) > _PICTURES:
        yield Label(
            f"图片有 {len(outgoing.media)} 张，最多 {_PICTURES} 张。",
            f"There are {len(outgoing.media)} pictures, at most {_PICTURES}.",
        )
    for place, media in enumerate(outgoing.media, 1):
        yield from _file_problems(place, media)


def _file_problems(place: int, media: Media) -> Iterator[Label]:
    if media.content_type not in PICTURE_TYPES:
        yield Label(
            f"第 {place} 个文件是 {media.content_type}：请用 JPG、PNG、GIF 或 BMP 图片。",
            f"File {place} is {media.content_type}: use a JPG, PNG, GIF or BMP picture.",
        )
    size = media.path.stat().st_size if media.path.is_file() else 0
    if not 0 < size <= PICTURE_BYTES:
        yield Label(
            f"第 {place} 个文件有 {size} 字节：图片应大于 0，不超过 10 MB。",
            f"File {place} has {size} bytes: a picture has more than 0 and at most 10 MB.",
        )
