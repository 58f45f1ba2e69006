from collections import Counter

from tests.contract.suite import DriverContract


def test_no_family_hides_a_test_of_another() -> None:
    names = Counter(name for family in DriverContract.__bases__ for name in vars(family) if name.startswith("test_"))
    assert [name for name, count in names.items() if count > 1] == []
