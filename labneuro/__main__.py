"""``python -m labneuro`` is the command line."""

from labneuro.cli.main import entry

if __name__ == "__main__":
    entry()
