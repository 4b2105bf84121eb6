"""Cleaning up: what nothing uses any more is marked first, and removed when it has stayed so for a while.

use.py       what is in use: by environments, by what the warehouse has published, by other states
marks.py     since when what is not in use has not been: target/janitor.json
survey.py    what is below target/, and which of it can go
archive.py   pages of history, packed by month
sweep.py     doing it, with every environment's lease held
"""

from seeknal.janitor.policy import Policy
from seeknal.janitor.sweep import Cleaning, Janitor

__all__ = ["Cleaning", "Janitor", "Policy"]
