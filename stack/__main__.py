"""`python -m stack VERB`."""

from stack.cli import main

main()
