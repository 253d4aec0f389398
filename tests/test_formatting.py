"""How numbers are written."""

import pytest

from vitreport.formatting import unbroken


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("1.3 pp (95% CI 0.2 to 2.4) above Swin", "1.3~pp (95%~CI~0.2~to~2.4) above Swin"),
        ("-7.2 (-10.4 to -4.1) pp", "-7.2 (-10.4~to~-4.1)~pp"),
        ("96.0% (93.8% to 97.5%, n = 3)", "96.0% (93.8%~to~97.5%, n~=~3)"),
        ("p < 0.001 in 3 seeds of 8 x 8 pixels", "p~<~0.001 in 3~seeds of 8~x~8 pixels"),
        ("of 5 or to 20 more, on CIFAR-10 to see", "of 5 or to 20 more, on CIFAR-10 to see"),
    ],
)
def test_no_line_ends_between_a_number_and_its_unit(text: str, kept: str) -> None:
    assert unbroken(text).replace("\N{NO-BREAK SPACE}", "~") == kept
