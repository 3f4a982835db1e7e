"""Figures of runs, fits and networks; matplotlib lives here and nowhere else."""
