"""Tasks of assisted publishing, their steps, robots that tell of them; accounts reached through another."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import UTCDateTime

revision = "0020"
down_revision = "0019"

_UNFINISHED = sa.text("state IN ('waiting','opened','expired')")
_STATES = "'waiting','opened','expired','done','refused'"


def upgrade() -> None:
    op.create_table(
        "task",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("delivery_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("due", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("handed_at", UTCDateTime(), nullable=False),
        sa.Column("responsible_id", sa.Integer(), nullable=True),
        sa.Column("deputy_id", sa.Integer(), nullable=True),
        sa.Column("note_zh", sa.String(500), nullable=False),
        sa.Column("note_en", sa.String(500), nullable=False),
        sa.Column("remind_at", UTCDateTime(), nullable=True),
        sa.Column("reminded", sa.Integer(), nullable=False),
        sa.Column("opened_at", UTCDateTime(), nullable=True),
        sa.Column("opened_by", sa.String(120), nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.Column("ended_by", sa.String(120), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.CheckConstraint(f"state IN ({_STATES})", name="ck_task_state"),
        sa.CheckConstraint("(state IN ('done', 'refused')) = (ended_at IS NOT NULL)", name="ck_task_ended"),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"]),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.ForeignKeyConstraint(["responsible_id"], ["person.id"]),
        sa.ForeignKeyConstraint(["deputy_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "uq_task_unfinished",
        "task",
        ["delivery_id"],
        unique=True,
        sqlite_where=_UNFINISHED,
        postgresql_where=_UNFINISHED,
    )
    for name, columns in (
        ("ix_task_delivery_id", ["delivery_id"]),
        ("ix_task_account_id", ["account_id"]),
        ("ix_task_state", ["state", "due", "id"]),
    ):
        op.create_index(name, "task", columns, unique=False)
    op.create_index(
        "ix_task_remind",
        "task",
        ["remind_at"],
        unique=False,
        sqlite_where=sa.text("remind_at IS NOT NULL"),
        postgresql_where=sa.text("remind_at IS NOT NULL"),
    )
    op.create_table(
        "task_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("task_id", sa.Integer(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("from_state", sa.String(16), nullable=False),
        sa.Column("to_state", sa.String(16), nullable=False),
        sa.Column("actor", sa.String(120), nullable=False),
        sa.Column("told", sa.String(500), nullable=False),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_task_event_task_id", "task_event", ["task_id"], unique=False)
    op.create_table(
        "task_robot",
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column("robot", sa.String(40), nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"]),
        sa.PrimaryKeyConstraint("unit_id"),
    )
    _tasks_of_what_is_handed_over()
    # In one statement of SQL: SQLite takes a new column's reference only so.
    op.execute("ALTER TABLE account ADD COLUMN via_id INTEGER REFERENCES account (id)")
    op.create_index("ix_account_via_id", "account", ["via_id"], unique=False)


def _tasks_of_what_is_handed_over() -> None:
    """What was in a person's hands before there were tasks: no delivery is handed over without one."""
    op.execute(
        "INSERT INTO task (delivery_id, account_id, state, due, expires_at, handed_at, note_zh, note_en, "
        "reminded, opened_by, ended_by, reason) "
        "SELECT id, account_id, 'waiting', due, late_after, due, '', '', 0, '', '', '' FROM delivery "
        "WHERE state = 'handed_over'"
    )
