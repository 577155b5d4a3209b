"""Lateness of units; periodic runs as leases that another node can take over."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import UTCDateTime

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("unit", sa.Column("lateness_hours", sa.Float(), nullable=True))
    op.add_column("periodic_run", sa.Column("lease_until", UTCDateTime(), nullable=True))
    op.add_column(
        "periodic_run", sa.Column("takings", sa.Integer(), nullable=False, server_default=sa.text("1"))
    )
    op.add_column(
        "periodic_run", sa.Column("outcome", sa.String(80), nullable=False, server_default=sa.text("''"))
    )
    op.execute("UPDATE periodic_run SET outcome = 'done' WHERE finished_at IS NOT NULL")
