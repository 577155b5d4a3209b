"""The database refuses what the code would let through: illegal transitions, and changed history."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

# Which state may follow which, as of this revision. `published` and `cancelled` are final.
FOLLOWERS: dict[str, tuple[str, ...]] = {
    "queued": ("sending", "paused", "missed", "cancelled"),
    "paused": ("queued", "cancelled"),
    "sending": ("published", "accepted", "handed_over", "queued", "uncertain", "failed"),
    "accepted": ("published", "failed", "uncertain", "handed_over"),
    "uncertain": ("published", "accepted", "handed_over", "queued", "failed"),
    "handed_over": ("published", "failed", "cancelled"),
    "missed": ("queued", "cancelled"),
    "failed": ("queued", "cancelled", "published"),
    "published": (),
    "cancelled": (),
}

_ILLEGAL = "OLD.state != NEW.state AND NOT ({})".format(
    " OR ".join(
        "(OLD.state = '{}' AND NEW.state IN ({}))".format(before, ", ".join(f"'{after}'" for after in afters))
        for before, afters in FOLLOWERS.items()
        if afters
    )
)
# How an attempt ended may be heard a second time, and better: from a node that lost its lane meanwhile.
_REWRITTEN = (
    "OLD.delivery_id != NEW.delivery_id OR OLD.number != NEW.number OR OLD.purpose != NEW.purpose "
    "OR OLD.node != NEW.node OR OLD.started_at != NEW.started_at "
    "OR (OLD.finished_at IS NOT NULL AND NEW.finished_at IS NULL)"
)
# Table, name, what is refused, when (None: always), and what the refusal says.
_REFUSALS = (
    ("delivery", "tr_delivery_transition", "UPDATE OF state", _ILLEGAL, "illegal transition of a delivery"),
    ("delivery", "tr_delivery_kept", "DELETE", None, "deliveries are never deleted"),
    ("delivery_event", "tr_event_kept", "UPDATE", None, "events are never changed"),
    ("delivery_event", "tr_event_not_deleted", "DELETE", None, "events are never deleted"),
    ("attempt", "tr_attempt_kept", "UPDATE", _REWRITTEN, "an attempt that was begun is only ever finished"),
    ("attempt", "tr_attempt_not_deleted", "DELETE", None, "attempts are never deleted"),
)


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    if not sqlite:
        # Raised as a CHECK of the table itself would be; the trigger brings what is said.
        op.execute(
            sa.text(
                "CREATE FUNCTION meizhen_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ "
                "BEGIN RAISE EXCEPTION USING ERRCODE = 'check_violation', MESSAGE = TG_ARGV[0]; END $$"
            )
        )
    for table, name, act, condition, told in _REFUSALS:
        when = f"WHEN ({condition})" if condition else ""
        body = (
            f"BEGIN SELECT RAISE(ABORT, '{told}'); END"
            if sqlite
            else f"EXECUTE FUNCTION meizhen_refuse('{told}')"
        )
        op.execute(sa.text(f"CREATE TRIGGER {name} BEFORE {act} ON {table} FOR EACH ROW {when} {body}"))
