"""Gates: what shares a platform's limits, shut for all nodes until a time."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import UTCDateTime

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "gate",
        sa.Column("key", sa.String(160), nullable=False),
        sa.Column("shut_until", UTCDateTime(), nullable=False),
        sa.Column("code", sa.String(80), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
