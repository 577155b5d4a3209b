"""Review: stages of units, drafts, submissions with their sign-offs, and what a delivery was approved as."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import UTCDateTime

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("unit", sa.Column("review", sa.String(32), nullable=True))
    op.create_index(
        "ix_unit_review",
        "unit",
        ["path"],
        unique=False,
        sqlite_where=sa.text("review IS NOT NULL"),
        postgresql_where=sa.text("review IS NOT NULL"),
    )
    # No index: it is read with the row, never looked for.
    op.add_column("delivery", sa.Column("approved_hash", sa.String(64), nullable=False, server_default=""))
    _draft_tables()
    _submission_tables()
    _talk_tables()
    _refusals()


def _draft_tables() -> None:
    op.create_table(
        "planned",
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("due", UTCDateTime(), nullable=False),
        sa.Column("late_after", UTCDateTime(), nullable=False),
        sa.CheckConstraint("due < late_after", name="ck_planned_window"),
        sa.ForeignKeyConstraint(["post_id"], ["post.id"]),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.PrimaryKeyConstraint("post_id", "account_id"),
    )
    op.create_table(
        "post_author",
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["post.id"]),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("post_id", "person_id"),
    )
    op.create_table(
        "unit_word",
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column("word", sa.String(60), nullable=False),
        sa.Column("forbidden", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"]),
        sa.PrimaryKeyConstraint("unit_id", "word"),
    )


def _submission_tables() -> None:
    op.create_table(
        "review_submission",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("stages", sa.String(32), nullable=False),
        sa.Column("stage_count", sa.Integer(), nullable=False),
        sa.Column("signed", sa.Integer(), nullable=False),
        sa.Column("urgent_reason", sa.String(500), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("submitted_by", sa.Integer(), nullable=False),
        sa.Column("submitted_at", UTCDateTime(), nullable=False),
        sa.Column("ended_by", sa.Integer(), nullable=True),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.Column("reason", sa.String(1000), nullable=False),
        sa.CheckConstraint("state IN ('open','approved','returned','void')", name="ck_submission_state"),
        sa.CheckConstraint("stage_count > 0 AND signed <= stage_count", name="ck_submission_signed"),
        sa.CheckConstraint("(state = 'approved') <= (signed = stage_count)", name="ck_submission_approved"),
        sa.CheckConstraint("state != 'returned' OR reason != ''", name="ck_submission_reason"),
        sa.ForeignKeyConstraint(["post_id"], ["post.id"]),
        sa.ForeignKeyConstraint(["submitted_by"], ["person.id"]),
        sa.ForeignKeyConstraint(["ended_by"], ["person.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("post_id", "number"),
        sa.UniqueConstraint("id", "content_hash", "submitted_by"),
    )
    op.create_index(
        "uq_submission_alive",
        "review_submission",
        ["post_id"],
        unique=True,
        sqlite_where=sa.text("state IN ('open','approved')"),
        postgresql_where=sa.text("state IN ('open','approved')"),
    )
    op.create_index("ix_submission_state", "review_submission", ["state", "id"], unique=False)
    op.create_table(
        "review_sign_off",
        sa.Column("submission_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("after", sa.Integer(), nullable=True),
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("for_person_id", sa.Integer(), nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("author_id", sa.Integer(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.CheckConstraint(
            "(position = 0) = (after IS NULL) AND (after IS NULL OR after = position - 1)",
            name="ck_sign_off_order",
        ),
        sa.CheckConstraint(
            "person_id != author_id AND for_person_id != author_id", name="ck_sign_off_not_own"
        ),
        sa.ForeignKeyConstraint(
            ["submission_id", "content_hash", "author_id"],
            ["review_submission.id", "review_submission.content_hash", "review_submission.submitted_by"],
        ),
        sa.ForeignKeyConstraint(
            ["submission_id", "after"], ["review_sign_off.submission_id", "review_sign_off.position"]
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.ForeignKeyConstraint(["for_person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("submission_id", "position"),
        sa.UniqueConstraint("submission_id", "stage"),
        sa.UniqueConstraint("submission_id", "person_id"),
        sa.UniqueConstraint("submission_id", "for_person_id"),
    )


def _talk_tables() -> None:
    op.create_table(
        "review_comment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("start", sa.Integer(), nullable=False),
        sa.Column("end", sa.Integer(), nullable=False),
        sa.Column("quoted", sa.Text(), nullable=False),
        sa.Column("told", sa.String(2000), nullable=False),
        sa.CheckConstraint('"start" >= 0 AND "start" < "end"', name="ck_comment_passage"),
        sa.ForeignKeyConstraint(["submission_id"], ["review_submission.id"]),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_review_comment_submission_id", "review_comment", ["submission_id"], unique=False)
    op.create_table(
        "review_look",
        sa.Column("submission_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["submission_id"], ["review_submission.id"]),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("submission_id", "person_id"),
    )
    op.create_table(
        "review_substitute",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("substitute_id", sa.Integer(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.CheckConstraint("person_id != substitute_id", name="ck_substitute_other"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.ForeignKeyConstraint(["substitute_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("person_id"),
    )
    op.create_index(
        "ix_review_substitute_substitute_id", "review_substitute", ["substitute_id"], unique=False
    )


_COUNT = "(SELECT count(*) FROM review_sign_off WHERE submission_id = NEW.id)"
_COMPLETE = "a submission is approved by all its sign-offs"
# What was submitted is what was read: only its standing moves, and never out of its end.
_REWRITTEN = (
    "OLD.post_id != NEW.post_id OR OLD.number != NEW.number OR OLD.content_hash != NEW.content_hash "
    "OR OLD.stages != NEW.stages OR OLD.stage_count != NEW.stage_count OR NEW.signed < OLD.signed "
    "OR (OLD.state != NEW.state AND (OLD.state IN ('returned','void') OR NEW.state = 'open'))"
)
_KEPT = (
    ("review_sign_off", "tr_sign_off_kept", "UPDATE", None, "sign-offs are never changed"),
    ("review_sign_off", "tr_sign_off_not_deleted", "DELETE", None, "sign-offs are never deleted"),
    ("review_submission", "tr_submission_kept", "UPDATE", _REWRITTEN, "a submission is never rewritten"),
    ("review_submission", "tr_submission_not_deleted", "DELETE", None, "submissions are never deleted"),
)


def _refusals() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table, name, act, condition, told in _KEPT:
        when = f"WHEN ({condition})" if condition else ""
        body = (
            f"BEGIN SELECT RAISE(ABORT, '{told}'); END"
            if sqlite
            else f"EXECUTE FUNCTION meizhen_refuse('{told}')"
        )
        op.execute(sa.text(f"CREATE TRIGGER {name} BEFORE {act} ON {table} FOR EACH ROW {when} {body}"))
    for act in ("INSERT", "UPDATE"):
        name = f"tr_submission_complete_{act.lower()}"
        head = f"CREATE TRIGGER {name} BEFORE {act} ON review_submission FOR EACH ROW"
        if sqlite:
            op.execute(
                sa.text(
                    f"{head} WHEN NEW.state = 'approved' AND {_COUNT} < NEW.stage_count "
                    f"BEGIN SELECT RAISE(ABORT, '{_COMPLETE}'); END"
                )
            )
            continue
        if act == "INSERT":
            op.execute(
                sa.text(
                    "CREATE FUNCTION meizhen_review_complete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                    f"IF {_COUNT} < NEW.stage_count THEN RAISE EXCEPTION USING "
                    f"ERRCODE = 'check_violation', MESSAGE = '{_COMPLETE}'; END IF; RETURN NEW; END $$"
                )
            )
        op.execute(
            sa.text(f"{head} WHEN (NEW.state = 'approved') EXECUTE FUNCTION meizhen_review_complete()")
        )
