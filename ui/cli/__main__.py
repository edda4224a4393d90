"""`python -m ui.cli`."""

from ui.cli.main import main

if __name__ == "__main__":
    main()
