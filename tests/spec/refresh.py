"""`python -m tests.spec.refresh` pins the run ids anew; look at the difference before committing."""

from tests.spec.pinned import FILE, text


def main() -> None:
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
