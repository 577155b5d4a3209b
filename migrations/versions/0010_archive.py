"""The archive: every file with its count and checksum, and whose figures it holds."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import UTCDateTime

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "archived_month",
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("platform", sa.String(32), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("value_sum", sa.String(40), nullable=False),
        sa.Column("checksum", sa.String(40), nullable=False),
        sa.Column("file", sa.String(200), nullable=False),
        sa.Column("archived_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "month", "platform"),
    )
    op.create_table(
        "archived_source",
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("platform", sa.String(32), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["kind", "month", "platform"],
            ["archived_month.kind", "archived_month.month", "archived_month.platform"],
        ),
        sa.ForeignKeyConstraint(["source_id"], ["figure_source.id"]),
        sa.PrimaryKeyConstraint("kind", "month", "platform", "source_id"),
    )
    op.create_index("ix_archived_source_source", "archived_source", ["source_id"], unique=False)
    op.create_table(
        "archived_account",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.PrimaryKeyConstraint("account_id"),
    )
