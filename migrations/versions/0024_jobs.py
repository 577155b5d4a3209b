"""Long work in the background: who asked for it, how far it is, what it came to."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import UTCDateTime

revision = "0024"
down_revision = "0023"
_PATH = sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")
_LIVE = sa.text("state IN ('waiting', 'running')")


def upgrade() -> None:
    op.create_table(
        "job",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("arguments", sa.JSON(), nullable=False),
        sa.Column("subject", sa.String(160), nullable=False),
        sa.Column("token", sa.String(32), nullable=False),
        sa.Column("act", sa.String(32), nullable=False),
        sa.Column("path", _PATH, nullable=False),
        sa.Column("places", sa.JSON(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("api_key_id", sa.Integer(), nullable=True),
        sa.Column("actor", sa.String(120), nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("asked_at", UTCDateTime(), nullable=False),
        sa.Column("due_at", UTCDateTime(), nullable=False),
        sa.Column("started_at", UTCDateTime(), nullable=True),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.Column("step", sa.String(120), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("refusal", sa.JSON(), nullable=False),
        sa.Column("cancel_at", UTCDateTime(), nullable=True),
        sa.Column("cancel_by", sa.String(120), nullable=True),
        sa.Column("node", sa.String(80), nullable=False),
        sa.Column("lease_until", UTCDateTime(), nullable=True),
        sa.Column("takings", sa.Integer(), nullable=False),
        sa.Column("lost", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.ForeignKeyConstraint(["api_key_id"], ["api_key.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    live = {"sqlite_where": _LIVE, "postgresql_where": _LIVE}
    op.create_index("ix_job_live_subject", "job", ["subject"], unique=True, **live)
    op.create_index("ix_job_live", "job", ["due_at"], **live)
    op.create_index("ix_job_subject", "job", ["subject", "id"])
    op.create_index("ix_job_person", "job", ["person_id", "id"])
    op.create_index("ix_job_ended_at", "job", ["ended_at"])
