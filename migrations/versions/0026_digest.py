"""The daily digest beside the weekly report, and posts of which people are reminded before their time."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import UTCDateTime

revision = "0026"
down_revision = "0025"

# Which state of a report's delivery may follow which, as of this revision. New: what a digest that holds
# nothing, or that a newer one overtook, is called off as. `sent` and `cancelled` are final.
FOLLOWERS: dict[str, tuple[str, ...]] = {
    "planned": ("sending", "missed", "cancelled"),
    "sending": ("sent", "planned", "uncertain", "failed", "cancelled"),
    "uncertain": ("sent", "planned", "failed", "cancelled"),
    "failed": ("planned", "cancelled"),
    "missed": ("planned", "cancelled"),
}
_ILLEGAL = "OLD.state != NEW.state AND NOT ({})".format(
    " OR ".join(
        "(OLD.state = '{}' AND NEW.state IN ({}))".format(before, ", ".join(f"'{after}'" for after in afters))
        for before, afters in FOLLOWERS.items()
    )
)
_TOLD = "illegal transition of a report delivery"


def upgrade() -> None:
    op.add_column(
        "report_schedule", sa.Column("content", sa.String(8), nullable=False, server_default="week")
    )
    op.add_column(
        "report_schedule",
        sa.Column("skips_empty", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.add_column("post", sa.Column("important", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "post_reminder",
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("due", UTCDateTime(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["post.id"]),
        sa.PrimaryKeyConstraint("post_id", "due"),
    )
    sqlite = op.get_bind().dialect.name == "sqlite"
    on, body = (
        ("", f"BEGIN SELECT RAISE(ABORT, '{_TOLD}'); END")
        if sqlite
        else (" ON report_delivery", f"EXECUTE FUNCTION meizhen_refuse('{_TOLD}')")
    )
    op.execute(sa.text(f"DROP TRIGGER tr_report_delivery_transition{on}"))
    op.execute(
        sa.text(
            "CREATE TRIGGER tr_report_delivery_transition BEFORE UPDATE OF state ON report_delivery "
            f"FOR EACH ROW WHEN ({_ILLEGAL}) {body}"
        )
    )
