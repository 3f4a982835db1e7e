"""The simulated Keithley 2600B source meters."""
