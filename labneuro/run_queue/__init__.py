"""A queue of runs that outlives the process which works through it."""
