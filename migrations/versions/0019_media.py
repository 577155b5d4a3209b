"""Media: measures, alternative text, the units that hold a file, and the posts that use it."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import UTCDateTime

revision = "0019"
down_revision = "0018"

_USES = {
    "sqlite": "SELECT DISTINCT file.value, post.id FROM post, json_each(post.media) AS file",
    "postgresql": "SELECT DISTINCT file.value, post.id FROM post, "
    "json_array_elements_text(post.media) AS file(value)",
}


def upgrade() -> None:
    for column in (
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("codec", sa.String(16), nullable=False, server_default=""),
        sa.Column("alt", sa.String(500), nullable=False, server_default=""),
    ):
        op.add_column("media_file", column)
    op.create_table(
        "media_unit",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column("added_at", UTCDateTime(), nullable=False),
        sa.Column("added_by", sa.String(120), nullable=False),
        sa.ForeignKeyConstraint(["sha256"], ["media_file.sha256"]),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"]),
        sa.PrimaryKeyConstraint("sha256", "unit_id"),
    )
    op.create_index("ix_media_unit_unit_id", "media_unit", ["unit_id"])
    op.create_table(
        "media_use",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["post.id"]),
        sa.PrimaryKeyConstraint("sha256", "post_id"),
    )
    op.create_index("ix_media_use_post_id", "media_use", ["post_id"])
    dialect = op.get_bind().dialect.name
    op.execute(sa.text(f"INSERT INTO media_use (sha256, post_id) {_USES[dialect]}"))
