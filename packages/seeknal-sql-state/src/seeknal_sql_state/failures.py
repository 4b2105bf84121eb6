"""What can go wrong with a database that keeps state, one function a code.

SK-STATE-005  it cannot be written
SK-STATE-008  nothing answers there, or the connection was lost
SK-STATE-009  the login was refused
SK-STATE-010  the driver is missing
SK-STATE-011  what is there is not a state of seeknal's, or it is damaged
SK-STATE-012  the database failed
SK-DISK-001   the disk is full
SK-LOCK-001   another program keeps the database to itself
"""

from __future__ import annotations

from seeknal.plugin import LockedError, ProjectError, StateError


def read_only(place: str, reason: str) -> ProjectError:
    """SK-STATE-005."""
    return ProjectError(
        "SK-STATE-005",
        f"the state in {place} cannot be written: {reason}",
        hint="what runs, or saves a plan, needs to write there; `seeknal plan` alone and show do not",
    )


def no_rights(place: str, reason: str) -> ProjectError:
    """SK-STATE-005, for an account that may not do what is needed."""
    hint = "grant the account CREATE on the database, or have someone create the schema and name it in `schema:`"
    return ProjectError("SK-STATE-005", f"the state in {place} cannot be written: {reason}", hint=hint)


def unreachable(place: str, reason: str) -> StateError:
    """SK-STATE-008."""
    hint = "check that the server runs, and that host and port are right; what was committed before is safe"
    return StateError("SK-STATE-008", f"the state in {place} cannot be reached: {reason}", hint=hint)


def login_refused(place: str, reason: str) -> StateError:
    """SK-STATE-009."""
    hint = "check user, password and database, and that the server lets this user in from this machine"
    return StateError("SK-STATE-009", f"the state's server at {place} refused the login: {reason}", hint=hint)


def driver_missing(cause: ImportError) -> ProjectError:
    """SK-STATE-010."""
    message = f"state in PostgreSQL needs a package that is not installed ({cause})"
    return ProjectError("SK-STATE-010", message, hint="pip install 'seeknal-sql-state[postgres]'")


def foreign(place: str, reason: str) -> ProjectError:
    """SK-STATE-011, for a database that belongs to someone else: nothing is written."""
    return ProjectError("SK-STATE-011", f"{place} is not a state of seeknal's: {reason}", hint="name another place under `state:`")


def damaged(place: str, reason: str) -> StateError:
    """SK-STATE-011."""
    hint = "put a backup in its place, or move it away and run `seeknal state rebuild`: outputs are found again by their files"
    return StateError("SK-STATE-011", f"the state in {place} is damaged: {reason}", hint=hint)


def failed(place: str, reason: str) -> StateError:
    """SK-STATE-012."""
    return StateError(
        "SK-STATE-012", f"the state in {place} failed: {reason}", hint="nothing of this was committed; what was finished before is safe"
    )


def not_written(place: str, reason: str, largest_file: int | None) -> StateError:
    """SK-STATE-012, for a file that the system could not read or write."""
    limit = f"a file may have {largest_file:,} bytes here: raise the limit (ulimit -f)" if largest_file is not None else None
    hint = limit or "see what the system's log says of the disk"
    return StateError("SK-STATE-012", f"the state in {place} failed: {reason}", hint=f"{hint}; nothing of this was committed")


def full(place: str) -> StateError:
    """SK-DISK-001."""
    hint = "free some space and run again: what was finished before is safe"
    return StateError("SK-DISK-001", f"the state in {place} cannot be written: no space left", hint=hint)


def busy(place: str, seconds: float) -> LockedError:
    """SK-LOCK-001."""
    hint = "another program has kept it to itself for that long: see which has it open"
    return LockedError("SK-LOCK-001", f"the state in {place} was locked for {seconds:.0f} s", hint=hint)
