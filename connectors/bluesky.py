"""Bluesky: posts with links, tags and pictures by AT Protocol, each under a key chosen before it is sent.

Facts from `../shared/platforms/bluesky.md`. The rooms `_bluesky_*` hold one noun each.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import ClassVar

from connectors._bluesky_calls import API_BASE, CLOSED, RULES, Session
from connectors._bluesky_figures import METRICS, account_today, articles_of
from connectors._bluesky_posts import PICTURE_BYTES, PICTURE_TYPES, PICTURES, find_post, send
from connectors._bluesky_text import LENGTH, length
from connectors._contract import (
    Access,
    ArticleFigures,
    Asking,
    Connector,
    CredentialField,
    Figures,
    Finding,
    Limits,
    Outgoing,
    Receipt,
    Reconcile,
)
from connectors._errors import Label

_EMPTY = Label("正文和图片都是空的。", "There is neither text nor a picture.")
_LANGUAGE = Label("语言代码应像 zh、en、mn。", "A language code looks like zh, en, mn.")


class Bluesky(Connector):
    platform = "bluesky"
    label = Label("Bluesky", "Bluesky")
    default_api_base = API_BASE
    credential_fields = (
        CredentialField(
            "identifier",
            Label("账号（handle 或 did）", "Account (handle or did)"),
            secret=False,
            pattern=r"did:[a-z]+:[A-Za-z0-9._:%-]{1,200}|([A-Za-z0-9-]{1,63}\.)+[A-Za-z][A-Za-z0-9-]{1,62}",
        ),
        CredentialField(
            "app_password",
            Label("应用密码（不是登录密码）", "App password (not the main one)"),
            pattern=r"[a-z0-9]{4}(-[a-z0-9]{4}){3}",
        ),
    )
    limits = Limits(
        text_length=LENGTH,
        count_text=length,
        pictures=PICTURES,
        picture_bytes=PICTURE_BYTES,
        picture_types=PICTURE_TYPES,
    )
    capabilities = frozenset({"publish", "find", "articles", "account_day"})
    metrics = METRICS
    asking = Asking(calls=1, calls_an_account_day=1)  # a hundred posts with their counts; the profile
    options: ClassVar[Mapping[str, Label]] = {
        "language": Label("语言代码（默认 zh）", "Language code (zh if empty)"),
    }
    reconcile = Reconcile.KEY

    def explain(self, code: str) -> Label | None:
        return RULES.get(code)

    def check(self, access: Access) -> tuple[Finding, ...]:
        told = Session(access).ask("com.atproto.server.getSession")
        active = told.get("active") is not False
        signed_in = Label("应用密码有效，可以登录。", "The app password works.")
        state = Label("账号可以发帖。", "The account may post.") if active else CLOSED
        return Finding(True, signed_in), Finding(active, state, None if active else CLOSED)

    def problems(self, outgoing: Outgoing) -> tuple[Label, ...]:
        language = outgoing.options.get("language", "")
        empty = not outgoing.text.strip() and not outgoing.media
        wrong = language != "" and not re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", language)
        return (*((_EMPTY,) if empty else ()), *((_LANGUAGE,) if wrong else ()))

    def publish(self, access: Access, outgoing: Outgoing) -> Receipt:
        return send(access, outgoing)

    def find(self, access: Access, outgoing: Outgoing, since: datetime) -> Receipt | None:
        return find_post(access, outgoing)

    def refresh(self, access: Access) -> None:
        Session(access).renew()

    def articles(self, access: Access, since: date, until: date) -> Iterator[ArticleFigures]:
        return articles_of(access, since, until)

    def account_day(self, access: Access, day: date) -> Figures | None:
        return account_today(access, day)


connector = Bluesky()
