"""A whole simulated site for about a minute, on real parts. Run by provisioning/try.sh."""
