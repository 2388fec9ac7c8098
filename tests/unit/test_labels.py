from imagescan.domain.labels import Label, most_confident_first, normalized


def test_labels_of_equal_confidence_are_sorted_by_name() -> None:
    labels = most_confident_first([Label("B", 50), Label("A", 50), Label("C", 60)])
    assert [label.name for label in labels] == ["C", "A", "B"]


def test_names_are_compared_without_case_and_surrounding_or_repeated_whitespace() -> None:
    assert normalized("  Hot \t Dog\n") == normalized("hot dog")
    assert normalized("Straße") == normalized("STRASSE")
