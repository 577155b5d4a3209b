"""The second factor: six digits of an authenticator (TOTP, RFC 6238), and recovery codes for its loss."""

import hmac
from dataclasses import dataclass
from datetime import datetime

import pyotp
from sqlalchemy import delete, func, update
from sqlmodel import Field, Session, SQLModel, col, select

from config.errors import MeizhenError
from config.logging import hide
from config.secrets import KeyRing, Sealed
from organisation.ledger import record
from organisation.one_time_codes import hash_of, new_code
from organisation.people import Person, PersonSecret, secret_of

RECOVERY_CODES = 10
_ISSUER = "Meizhen"
_SECONDS = 30
_DRIFT = 1  # steps before and after: a telephone's clock is rarely right


class RecoveryCode(SQLModel, table=True):
    """One of the codes that stand in for a lost authenticator, each once."""

    __tablename__ = "recovery_code"

    code_hash: str = Field(primary_key=True, max_length=64)
    person_id: int = Field(foreign_key="person.id", index=True)
    used_at: datetime | None = None


@dataclass(frozen=True)
class Enrolment:
    """What the authenticator needs, shown once; `repr` keeps it to itself."""

    secret: str
    address: str  # otpauth://…, as a QR code holds it

    def __repr__(self) -> str:
        return "Enrolment(***)"


def begin_second_factor(session: Session, keys: KeyRing, person: Person) -> Enrolment:
    """A new secret for the person's authenticator; it counts once a code of it was given.

    Raises MeizhenError `person.factor_there` where one counts already: it is dropped first.
    """
    row = secret_of(session, person)
    if row.totp_confirmed:
        raise MeizhenError("person.factor_there", login=person.login)
    secret = pyotp.random_base32()
    hide(secret)
    sealed = keys.seal(secret.encode(), _owner(person))
    row.totp_key_version, row.totp_wrapped_key = sealed.key_version, sealed.wrapped_key
    row.totp_ciphertext, row.totp_step = sealed.ciphertext, 0
    session.add(row)
    session.flush()
    address = pyotp.TOTP(secret).provisioning_uri(name=person.login, issuer_name=_ISSUER)
    return Enrolment(secret, address)


def confirm_second_factor(
    session: Session, keys: KeyRing, person: Person, code: str, *, at: datetime, actor: str
) -> list[str]:
    """From now on sign-in asks for a code; gives the recovery codes, shown this once.

    Raises MeizhenError `person.bad_factor` for a code that does not fit, or where nothing was begun.
    """
    row = secret_of(session, person)
    if row.totp_confirmed or not take_totp(session, keys, person, row, code, at):
        raise MeizhenError("person.bad_factor")
    session.execute(
        update(PersonSecret)
        .where(col(PersonSecret.person_id) == person.known_id)
        .values(totp_confirmed=True)
        .execution_options(synchronize_session=False)
    )
    codes = _new_recovery_codes(session, person)
    record(session, keys, at=at, actor=actor, act="person.factor", subject=person.subject)
    return codes


def renew_recovery_codes(
    session: Session, keys: KeyRing, person: Person, *, at: datetime, actor: str
) -> list[str]:
    """New recovery codes in place of all that the person had. Raises MeizhenError `person.no_factor`."""
    if not secret_of(session, person).totp_confirmed:
        raise MeizhenError("person.no_factor", login=person.login)
    codes = _new_recovery_codes(session, person)
    record(session, keys, at=at, actor=actor, act="person.recovery_codes", subject=person.subject)
    return codes


def drop_second_factor(session: Session, keys: KeyRing, person: Person, *, at: datetime, actor: str) -> bool:
    """Authenticator and recovery codes count no more; False where there were none."""
    row = secret_of(session, person)
    if row.totp_ciphertext is None:
        return False
    row.totp_key_version = row.totp_wrapped_key = row.totp_ciphertext = None
    row.totp_confirmed, row.totp_step = False, 0
    session.add(row)
    session.execute(delete(RecoveryCode).where(col(RecoveryCode.person_id) == person.known_id))
    session.flush()
    record(session, keys, at=at, actor=actor, act="person.factor_dropped", subject=person.subject)
    return True


def recovery_codes_left(session: Session, person: Person) -> int:
    """How many recovery codes are still good."""
    wanted = select(func.count()).select_from(RecoveryCode)
    return session.exec(
        wanted.where(RecoveryCode.person_id == person.known_id, col(RecoveryCode.used_at).is_(None))
    ).one()


def take_factor(
    session: Session, keys: KeyRing, person: Person, row: PersonSecret, code: str, at: datetime
) -> str | None:
    """Takes an authenticator's or a recovery code, each once, also of two at the same time.

    Gives which of them it was (`totp`, `recovery`), None for neither.
    """
    if take_totp(session, keys, person, row, code, at):
        return "totp"
    return "recovery" if _take_recovery(session, person, code, at) else None


def take_totp(
    session: Session, keys: KeyRing, person: Person, row: PersonSecret, code: str, at: datetime
) -> bool:
    """Is it a code of now, and newer than the last that was taken?"""
    step = _fitting_step(_opened(keys, person, row), code, at)
    if step is None:
        return False
    taken = session.execute(
        update(PersonSecret)
        .where(col(PersonSecret.person_id) == person.known_id, col(PersonSecret.totp_step) < step)
        .values(totp_step=step)
        .returning(col(PersonSecret.person_id))
        .execution_options(synchronize_session=False)
    ).first()
    return taken is not None


def _fitting_step(secret: str | None, code: str, at: datetime) -> int | None:
    """The number of the half minute to which the code belongs; all are compared, whichever fits."""
    if secret is None:
        return None
    totp, told = pyotp.TOTP(secret, interval=_SECONDS), code.replace(" ", "").encode("utf-8", "replace")
    now = int(at.timestamp()) // _SECONDS
    fitting = [
        step
        for step in range(now - _DRIFT, now + _DRIFT + 1)
        if hmac.compare_digest(totp.generate_otp(step).encode(), told)
    ]
    return max(fitting, default=None)


def _opened(keys: KeyRing, person: Person, row: PersonSecret) -> str | None:
    if row.totp_key_version is None or row.totp_wrapped_key is None or row.totp_ciphertext is None:
        return None
    sealed = Sealed(row.totp_key_version, row.totp_wrapped_key, row.totp_ciphertext)
    secret = keys.open(sealed, _owner(person)).decode()
    hide(secret)
    return secret


def rotate_second_factors(session: Session, keys: KeyRing) -> int:
    """Seals all authenticators' secrets anew under the newest master key; gives how many were older."""
    older = session.exec(
        select(Person, PersonSecret)
        .join(PersonSecret, col(PersonSecret.person_id) == col(Person.id))
        .where(PersonSecret.totp_key_version != keys.newest)
    ).all()
    for person, row in older:
        secret = _opened(keys, person, row)
        if secret is None:
            continue
        sealed = keys.seal(secret.encode(), _owner(person))
        row.totp_key_version, row.totp_wrapped_key = sealed.key_version, sealed.wrapped_key
        row.totp_ciphertext = sealed.ciphertext
        session.add(row)
    session.flush()
    return len(older)


def _owner(person: Person) -> str:
    return f"person {person.known_id}"


def _new_recovery_codes(session: Session, person: Person) -> list[str]:
    session.execute(delete(RecoveryCode).where(col(RecoveryCode.person_id) == person.known_id))
    codes = [new_code() for _ in range(RECOVERY_CODES)]
    session.add_all(RecoveryCode(code_hash=hash_of(code), person_id=person.known_id) for code in codes)
    session.flush()
    return codes


def _take_recovery(session: Session, person: Person, code: str, at: datetime) -> bool:
    taken = session.execute(
        update(RecoveryCode)
        .where(
            col(RecoveryCode.person_id) == person.known_id,
            col(RecoveryCode.code_hash) == hash_of(code.strip().lower()),
            col(RecoveryCode.used_at).is_(None),
        )
        .values(used_at=at)
        .returning(col(RecoveryCode.code_hash))
        .execution_options(synchronize_session=False)
    ).first()
    return taken is not None
