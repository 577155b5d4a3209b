"""文章 Articles of the accounts, published by us or not, and their figures."""

from datetime import date, datetime
from typing import Annotated

from fastapi import Query

from analytics.article_pages import figures_of_article, find_article, page_of_articles
from analytics.articles import Article
from organisation import Act
from web.api.accounts import seen as account_seen
from web.api.call import Asked
from web.api.cursors import Page, Pages
from web.api.noun import Noun
from web.api.texts import Day, Figure, Filter, Number, Told

noun = Noun("articles")


class ArticleRow(Told):
    """An article."""

    id: int
    account: str
    remote_id: str
    title: str
    url: str
    published_at: datetime
    kind: str
    position: int | None
    original: bool | None


class FigureShown(Told):
    """A figure and its source. `counts`: people, events, rate, seconds, fen; never add people and events."""

    metric: str
    counts: str
    kind: str
    day: date
    value: Figure
    source_kind: str
    source: str
    collected_at: datetime


class ArticleShown(ArticleRow):
    """An article with the newest figure of each name and source."""

    figures: list[FigureShown]


@noun.read("", Act.FIGURES_READ)
def list_articles(
    asked: Asked,
    paging: Pages,
    account: Filter = None,
    since: Annotated[Day | None, Query(description="Published on this Beijing day or later.")] = None,
    until: Annotated[Day | None, Query(description="Published on this Beijing day or before.")] = None,
) -> Page[ArticleRow]:
    """文章列表 Articles, newest first as they became known."""
    sight = asked.sight()
    account_id = None if account is None else account_seen(asked, account)[0].known_id
    rows, following = asked.page(
        paging,
        {"account": account, "since": since, "until": until},
        (int,),
        lambda after, limit: page_of_articles(
            asked.session, sight, after, limit, account_id=account_id, since=since, until=until
        ),
        lambda row: (row[0].id,),
    )
    items = [_row(article, name) for article, name in rows]
    return Page[ArticleRow](items=items, next=following)


@noun.read("/{article}", Act.FIGURES_READ)
def show(asked: Asked, article: Number) -> ArticleShown:
    """一篇文章和它的数据 One article with its newest figures."""
    found, account, unit = find_article(asked.session, article)
    asked.at(unit.path)
    figures = figures_of_article(asked.session, found, account)
    row = _row(found, account.stable_id)
    return ArticleShown(**row.model_dump(), figures=[FigureShown.model_validate(one) for one in figures])


def _row(article: Article, account: str) -> ArticleRow:
    return ArticleRow(
        id=article.id or 0,
        account=account,
        remote_id=article.remote_id,
        title=article.title,
        url=article.url,
        published_at=article.published_at,
        kind=article.kind,
        position=article.position,
        original=article.original,
    )
