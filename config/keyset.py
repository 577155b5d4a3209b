"""Lists by pages: what follows the last row seen, whatever was added meanwhile."""

from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import Select, literal, tuple_

_Query = TypeVar("_Query", bound=Select[*tuple[object, ...]])


def keyset(
    query: _Query,
    columns: Sequence[Any],
    after: Sequence[object] | None,
    limit: int,
    *,
    newest_first: bool = False,
) -> _Query:
    """`query` ordered by `columns`, its first `limit` rows beyond the row whose columns were `after`.

    The columns name a row for certain together, and an index has them in this order.
    """
    ordered = [column.desc() if newest_first else column.asc() for column in columns]
    query = query.order_by(*ordered).limit(limit)
    if after is None:
        return query
    if len(columns) == 1:
        last = literal(after[0], columns[0].type)
        return query.where(columns[0] < last if newest_first else columns[0] > last)
    last_seen = tuple_(*(literal(value, column.type) for value, column in zip(after, columns, strict=True)))
    here = tuple_(*columns)
    return query.where(here < last_seen if newest_first else here > last_seen)
