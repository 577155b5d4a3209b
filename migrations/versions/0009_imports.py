"""Every import as a whole: what it brought, so that it can be listed, carried on and undone."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import UTCDateTime

revision = "0009"
down_revision = "0008"

# The imports of before: their figures name the file; articles that only files told of say so in their key.
_FORMER = (
    """
    INSERT INTO figure_import (file, digest, account, mapping, row_count, figure_count, unknown_count,
        skipped_count, new_articles, matched_articles, metrics, state, source_id, at, actor, touched_at)
    SELECT name, digest, '', '', 0, 0, 0, 0, 0, 0, '[]', 'applied', id, first_at, '', first_at
    FROM figure_source
    WHERE id IN (SELECT min(id) FROM figure_source WHERE kind = 'import' GROUP BY digest)
    """,
    """
    INSERT INTO figure_import_article (import_id, article_id, made)
    SELECT DISTINCT figure_import.id, article.id, article.remote_id LIKE 'import:%'
    FROM figure_import
    JOIN snapshot ON snapshot.source_id = figure_import.source_id
    JOIN article ON article.id = snapshot.article_id
    """,
    """
    INSERT INTO figure_import_account (import_id, account_id)
    SELECT DISTINCT figure_import_article.import_id, article.account_id
    FROM figure_import_article JOIN article ON article.id = figure_import_article.article_id
    """,
    """
    UPDATE figure_import SET
        account = COALESCE((
            SELECT min(account.platform || ':' || account.handle)
            FROM figure_import_account JOIN account ON account.id = figure_import_account.account_id
            WHERE figure_import_account.import_id = figure_import.id), ''),
        as_of = (SELECT max(as_of) FROM snapshot WHERE snapshot.source_id = figure_import.source_id),
        figure_count = (SELECT count(*) FROM snapshot WHERE snapshot.source_id = figure_import.source_id),
        row_count = (SELECT count(*) FROM figure_import_article WHERE import_id = figure_import.id),
        new_articles = (
            SELECT count(*) FROM figure_import_article WHERE import_id = figure_import.id AND made),
        matched_articles = (
            SELECT count(*) FROM figure_import_article WHERE import_id = figure_import.id AND NOT made)
    """,
)


def upgrade() -> None:
    op.create_table(
        "figure_import",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("file", sa.String(200), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("account", sa.String(200), nullable=False),
        sa.Column("mapping", sa.String(100), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=True),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("figure_count", sa.Integer(), nullable=False),
        sa.Column("unknown_count", sa.Integer(), nullable=False),
        sa.Column("skipped_count", sa.Integer(), nullable=False),
        sa.Column("new_articles", sa.Integer(), nullable=False),
        sa.Column("matched_articles", sa.Integer(), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=True),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("actor", sa.String(120), nullable=False),
        sa.Column("touched_at", UTCDateTime(), nullable=False),
        sa.Column("undone_at", UTCDateTime(), nullable=True),
        sa.Column("undone_by", sa.String(120), nullable=True),
        sa.ForeignKeyConstraint(
            ["source_id"],
            ["figure_source.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "uq_figure_import_digest",
        "figure_import",
        ["digest"],
        unique=True,
        sqlite_where=sa.text("state != 'undone'"),
        postgresql_where=sa.text("state != 'undone'"),
    )
    op.create_table(
        "figure_import_article",
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("article_id", sa.Integer(), nullable=False),
        sa.Column("made", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["article_id"],
            ["article.id"],
        ),
        sa.ForeignKeyConstraint(
            ["import_id"],
            ["figure_import.id"],
        ),
        sa.PrimaryKeyConstraint("import_id", "article_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_figure_import_article", "figure_import_article", ["article_id"], unique=False)
    op.create_table(
        "figure_import_account",
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.ForeignKeyConstraint(
            ["import_id"],
            ["figure_import.id"],
        ),
        sa.PrimaryKeyConstraint("import_id", "account_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_figure_import_account", "figure_import_account", ["account_id"], unique=False)
    for statement in _FORMER:
        op.execute(sa.text(statement))
