"""standpipe: the agent that stands at a remote site."""

__version__ = "0.1.0"
