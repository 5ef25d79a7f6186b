"""`python -m suffice` is the command line."""

from .cli import main

main()
