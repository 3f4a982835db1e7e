"""Demonstrations: a whole system from measurement to network in one call."""
