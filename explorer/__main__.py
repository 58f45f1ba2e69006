"""`python -m explorer`: the same as the command `keyscope`."""

from explorer.cli import main

if __name__ == "__main__":
    main()
