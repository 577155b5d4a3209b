"""The lanes that nodes hold, found without reading all lanes at every tick."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_index(
        "ix_lane_node",
        "lane",
        ["node"],
        unique=False,
        sqlite_where=sa.text("node IS NOT NULL"),
        postgresql_where=sa.text("node IS NOT NULL"),
    )
