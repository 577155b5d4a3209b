"""Baijiahao 百家号: articles by the partner interface, public after the platform's review.

Facts from `../shared/platforms/others.md`. The path of the status query is not public: the partner's papers
name it. Galleries and videos have interfaces whose fields are not known; they are not used. There are no
figures: they are imported.
"""

import json
import re
from collections.abc import Mapping
from html import escape
from typing import ClassVar

from connectors._assistance import Assistance, checks
from connectors._baijiahao_calls import API_BASE, RULES, call
from connectors._contract import (
    Access,
    Connector,
    CredentialField,
    Finding,
    Limits,
    Outgoing,
    Receipt,
    ReceiptState,
    Reconcile,
)
from connectors._errors import Label, NeedsPerson, Refused, Uncertain
from connectors._json import remote_id
from connectors._wording import first_link

TITLE_LENGTH = 40
_HTML_LENGTH = 20_000
_COVER = re.compile(r"https://[\x21-\x7e]{3,500}")
_DONE = "publish"
_LINK = Label(
    "百家号要求文章来源链接：请填选项 link，或在正文里放一个链接。",
    "An article needs the link of its source: the option link, or a link in the text.",
)
_COVERS = Label(
    "封面要 1 张或 3 张 https 图片链接，用空格分开。",
    "A cover is 1 or 3 https picture links with blanks between.",
)
_LONG = Label(
    f"正文（含排版）最多 {_HTML_LENGTH} 字。",
    f"The text with its markup is at most {_HTML_LENGTH} characters.",
)
_ORIGINAL = Label("original 应为 yes 或 no。", "original is yes or no.")
_DRAFT = Label(
    "没有封面，百家号存成了草稿：请在后台加封面并发布，再把链接填回来。",
    "Without a cover it became a draft: add one in the back office, publish, then enter the link.",
)
_OUT = Label(
    "已通过审核。接口不给链接，请从百家号后台取。",
    "It passed review. The interface tells no link: see the back office.",
)


class Baijiahao(Connector):
    platform = "baijiahao"
    label = Label("百家号", "Baijiahao")
    default_api_base = API_BASE
    credential_fields = (
        CredentialField("app_id", Label("应用 app_id", "app_id"), secret=False, pattern=r"[0-9A-Za-z]{4,64}"),
        CredentialField("app_token", Label("应用令牌 app_token", "app_token"), pattern=r"[0-9A-Za-z]{8,128}"),
        CredentialField(
            "status_path",
            Label("状态查询接口的路径（见开通资料）", "Path of the status query (see the partner's papers)"),
            secret=False,
            pattern=r"[a-z]{2,30}(/[a-z_]{2,30}){1,3}",
        ),
    )
    limits = Limits(title_length=TITLE_LENGTH, text_length=_HTML_LENGTH, title_required=True)
    capabilities = frozenset({"publish", "settle", "assisted"})
    assistance = Assistance(
        where=Label("请在百家号发布,再把链接贴回来。", "Publish it on Baijiahao, then paste its link."),
        links=(r"https?://baijiahao\.baidu\.com/s\?(?:\S*&)?id=(?P<id>\d{5,25})(?:&\S*)?",),
        checklist=checks(
            ("登录的是本单位的账号", "Signed in with the unit's own account"),
            ("标题、封面和话题对", "Title, cover and topics are right"),
        ),
        example="https://baijiahao.baidu.com/s?id=1790000000000000001",
    )
    options: ClassVar[Mapping[str, Label]] = {
        "link": Label("文章来源链接（空则取正文第一个）", "Source link (else the text's first)"),
        "cover": Label("封面图链接：1 张或 3 张，空格分开", "Cover links: 1 or 3, blanks between"),
        "original": Label("原创：yes 或 no（默认）", "Original work: yes or no (default)"),
    }
    reconcile = Reconcile.NONE
    polls = (300, 900, 3600)
    settle_hours = 72.0

    def explain(self, code: str) -> Label | None:
        rule = RULES.get(code)
        return rule.remedy if rule else None

    def check(self, access: Access) -> tuple[Finding, ...]:
        try:
            _status(access, "0")
        except (NeedsPerson, Refused) as error:
            told = Label(f"百家号拒绝了检查：{error}", f"Baijiahao refused the check: {error}")
            return (Finding(False, told, error.remedy),)
        return (Finding(True, Label("app_id 和 app_token 有效。", "app_id and app_token work.")),)

    def problems(self, outgoing: Outgoing) -> tuple[Label, ...]:
        covers, original = _covers(outgoing), outgoing.options.get("original", "")
        wrong = {
            _LINK: not _origin(outgoing),
            _COVERS: len(covers) not in (0, 1, 3) or not all(map(_COVER.fullmatch, covers)),
            _LONG: len(_html(outgoing.text)) > _HTML_LENGTH,
            _ORIGINAL: original not in ("", "yes", "no"),
        }
        return tuple(label for label, is_wrong in wrong.items() if is_wrong)

    def publish(self, access: Access, outgoing: Outgoing) -> Receipt:
        covers = _covers(outgoing)
        fields = {
            "title": outgoing.title,
            "content": _html(outgoing.text),
            "origin_url": _origin(outgoing),
            "is_original": 1 if outgoing.options.get("original") == "yes" else 0,
        }
        if covers:
            fields["cover_images"] = json.dumps([{"src": cover} for cover in covers])
        data = call(access, "article/publish", fields, writes=True)
        article_id = remote_id(data.get("article_id")) if isinstance(data, dict) else None
        if article_id is None:
            raise Uncertain("the answer names no article", platform_code="bad-answer")
        if not covers:
            return Receipt(ReceiptState.HANDED_OVER, article_id, note=_DRAFT)
        return Receipt(ReceiptState.ACCEPTED, article_id)

    def settle(self, access: Access, receipt: Receipt) -> Receipt:
        if _status(access, receipt.remote_id) != _DONE:
            return receipt
        return Receipt(ReceiptState.PUBLISHED, receipt.remote_id, note=_OUT)


def _status(access: Access, article_id: str) -> str:
    """The platform's word for an article's state; '' where it says nothing of it."""
    data = call(access, access.credentials["status_path"], {"article_id": article_id}, writes=False)
    return str(data.get(article_id) or "") if isinstance(data, dict) else ""


def _origin(outgoing: Outgoing) -> str:
    return outgoing.options.get("link", "").strip() or first_link(outgoing.text)


def _covers(outgoing: Outgoing) -> list[str]:
    return outgoing.options.get("cover", "").split()


def _html(text: str) -> str:
    """The text as paragraphs; what looks like markup in it is text."""
    lines = (line.strip() for line in text.splitlines())
    return "".join(f"<p>{escape(line)}</p>" for line in lines if line)


connector = Baijiahao()
