"""`python -m ui.cli.main`."""

from ui.cli.main import main

if __name__ == "__main__":
    main()
