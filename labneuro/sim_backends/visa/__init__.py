"""The VISA backend ``@labneuro``: sessions on simulated instruments."""
