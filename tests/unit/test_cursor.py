import pytest

from imagescan.domain.cursor import ListPosition

NO_POSITIONS = ["nan#r", "inf#r", "-000000001.000#r", "1e3#r", "0000001000.000#", "0000001000.000#" + "r" * 2000]


def test_positions_sort_like_their_text() -> None:
    positions = [ListPosition(at, name) for at in (0.5, 9.0, 10.0, 1_700_000_000.123) for name in ("a", "b")]
    assert sorted(positions, key=str) == sorted(positions)
    assert [ListPosition.parse(str(each)) for each in positions] == positions


@pytest.mark.parametrize("text", ["", "nonsense", *NO_POSITIONS])
def test_other_text_is_not_a_position(text: str) -> None:
    with pytest.raises(ValueError, match="is not a position"):
        ListPosition.parse(text)
