"""The calendar asks for planned drafts by time, and for what an account has planned next."""

from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.create_index("ix_planned_due", "planned", ["due"], unique=False)
    op.create_index("ix_planned_account", "planned", ["account_id", "due"], unique=False)
