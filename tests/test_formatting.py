"""How numbers are written."""

import pytest

from vitreport.formatting import shortened_apart, unbroken


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


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["airplane", "cat", "truck"], ["air…ne", "cat", "truck"]),
        ([f"class_{number}" for number in range(10)], [f"cla…_{number}" for number in range(10)]),
        (["ab_old_cd", "ab_new_cd"], ["ab_o…_cd", "ab_n…_cd"]),
        (["same", "same"], ["same", "same"]),
        ([], []),
    ],
)
def test_names_are_cut_as_far_as_they_stay_apart(names: list[str], shown: list[str]) -> None:
    assert shortened_apart(names, 6) == shown
