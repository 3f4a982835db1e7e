"""Drivers of instruments and the roles that protocols use them by."""
