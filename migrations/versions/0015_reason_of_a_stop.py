"""Why the whole queue was stopped: shown wherever it is said that it is."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("queue_switch", sa.Column("reason", sa.String(300), nullable=False, server_default=""))
