"""Weekly reports on their way to people: schedules, robots, deliveries and which state may follow which."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import UTCDateTime

revision = "0011"
down_revision = "0010"

_OPEN = "state IN ('planned', 'sending')"
# Which state may follow which, as of this revision. `sent` and `cancelled` are final.
FOLLOWERS: dict[str, tuple[str, ...]] = {
    "planned": ("sending", "missed", "cancelled"),
    "sending": ("sent", "planned", "uncertain", "failed"),
    "uncertain": ("sent", "planned", "failed"),
    "failed": ("planned",),
    "missed": ("planned",),
}
_ILLEGAL = "OLD.state != NEW.state AND NOT ({})".format(
    " OR ".join(
        "(OLD.state = '{}' AND NEW.state IN ({}))".format(before, ", ".join(f"'{after}'" for after in afters))
        for before, afters in FOLLOWERS.items()
    )
)
_TOLD = "illegal transition of a report delivery"


def upgrade() -> None:
    op.create_table(
        "report_robot",
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("key_version", sa.Integer(), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("created_by", sa.String(120), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "report_schedule",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column("cron", sa.String(64), nullable=False),
        sa.Column("mail", sa.JSON(), nullable=False),
        sa.Column("folder", sa.String(200), nullable=True),
        sa.Column("robots", sa.JSON(), nullable=False),
        sa.Column("formats", sa.JSON(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("created_by", sa.String(120), nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_report_schedule_unit_id", "report_schedule", ["unit_id"], unique=False)
    op.create_table(
        "report_delivery",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("schedule_id", sa.Integer(), nullable=False),
        sa.Column("fire_at", UTCDateTime(), nullable=False),
        sa.Column("week", sa.String(8), nullable=False),
        sa.Column("channel", sa.String(8), nullable=False),
        sa.Column("target", sa.String(320), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("token", sa.String(32), nullable=False),
        sa.Column("ordered_by", sa.String(120), nullable=False),
        sa.Column("not_before", UTCDateTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("node", sa.String(80), nullable=False),
        sa.Column("lease_until", UTCDateTime(), nullable=True),
        sa.Column("started_at", UTCDateTime(), nullable=True),
        sa.Column("finished_at", UTCDateTime(), nullable=True),
        sa.Column("code", sa.String(80), nullable=False),
        sa.Column("told", sa.String(1000), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.CheckConstraint(
            "state IN ('planned', 'sending', 'sent', 'uncertain', 'failed', 'missed', 'cancelled')",
            name="ck_report_delivery_state",
        ),
        sa.CheckConstraint("channel IN ('mail', 'folder', 'robot')", name="ck_report_delivery_channel"),
        sa.ForeignKeyConstraint(["schedule_id"], ["report_schedule.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("schedule_id", "fire_at", "channel", "target"),
    )
    op.create_index(
        "ix_report_delivery_open",
        "report_delivery",
        ["not_before"],
        unique=False,
        sqlite_where=sa.text(_OPEN),
        postgresql_where=sa.text(_OPEN),
    )
    op.create_index("ix_report_delivery_state", "report_delivery", ["state"], unique=False)
    sqlite = op.get_bind().dialect.name == "sqlite"
    body = (
        f"BEGIN SELECT RAISE(ABORT, '{_TOLD}'); END"
        if sqlite
        else f"EXECUTE FUNCTION meizhen_refuse('{_TOLD}')"
    )
    op.execute(
        sa.text(
            "CREATE TRIGGER tr_report_delivery_transition BEFORE UPDATE OF state ON report_delivery "
            f"FOR EACH ROW WHEN ({_ILLEGAL}) {body}"
        )
    )
