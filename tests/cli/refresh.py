"""`python -m tests.cli.refresh` freezes the command line's surface anew; look at the difference before committing."""

from tests.cli.surface import GOLDEN, commands, described, golden_file


def main() -> None:
    GOLDEN.mkdir(exist_ok=True)
    for file in GOLDEN.iterdir():
        file.unlink()
    for words, command in commands().items():
        golden_file(words).write_text(described(words, command), encoding="utf-8")


if __name__ == "__main__":
    main()
