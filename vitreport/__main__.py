"""`python -m vitreport` is the same program as `vitreport`."""

from vitreport.cli.main import main

if __name__ == "__main__":
    main()
