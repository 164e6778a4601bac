"""The fire pump: table.py is the machine, machine.py walks it, pump.py is the whole pump. Pure, as all of core."""

from agent.core.pump.limits import Limits
from agent.core.pump.pump import Pump
from agent.core.pump.table import LEVELS, ROLES, SHARED, State
from agent.core.pump.windows import Past, past_of

__all__ = ["LEVELS", "ROLES", "SHARED", "Limits", "Past", "Pump", "State", "past_of"]
