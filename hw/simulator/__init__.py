"""The board as a process of its own: it owns the levels of the lines and sees every relay.

Who connects: the panel through `hw.sim_factory.SimFactory`, tests and demos through `Driver`.
`README.md` one folder up says how it works. Nothing in this package touches GPIO of the machine it runs on.
"""

from hw.simulator.driver import Driver

__all__ = ["Driver"]
