"""The simulated Agilent B1500A semiconductor device analyzer."""
