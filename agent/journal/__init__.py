"""The one append-only journal of a board. Start with schema.sql, then journal.py; database.py makes the file."""

from agent.core.chain import Row, Stamp
from agent.journal.bell import Bell
from agent.journal.cursor import Cursor
from agent.journal.errors import JournalError, JournalMoved
from agent.journal.journal import Journal

__all__ = ["Bell", "Cursor", "Journal", "JournalError", "JournalMoved", "Row", "Stamp"]
