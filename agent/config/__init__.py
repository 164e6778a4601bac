"""site.toml: the one file a technician writes. Start with model/; load.py reads it and says what is wrong."""

from agent.config.kept import keep, load_or_kept
from agent.config.load import Checked, check, load
from agent.config.model import SiteConfig
from agent.config.people import here_of, keys_of
from agent.config.problems import ConfigError, Problem

__all__ = [
    "Checked",
    "ConfigError",
    "Problem",
    "SiteConfig",
    "check",
    "here_of",
    "keep",
    "keys_of",
    "load",
    "load_or_kept",
]
