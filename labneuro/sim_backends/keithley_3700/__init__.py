"""The simulated Keithley 3706A System Switch/Multimeter with its plug-in cards."""
