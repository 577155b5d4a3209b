"""Indexes of the pages that programs and people leaf through."""

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_index("ix_delivery_account_due", "delivery", ["account_id", "due", "id"], unique=False)
    op.create_index("ix_media_file_added", "media_file", ["added_at", "sha256"], unique=False)
