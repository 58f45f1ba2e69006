from collections import Counter

from tests.contract.suite import DriverContract


def test_contract_classes_share_no_test_name() -> None:
    """A name in two classes would hide one of the tests."""
    names = Counter(name for base in DriverContract.__bases__ for name in vars(base) if name.startswith("test_"))
    assert [name for name, count in names.items() if count > 1] == []
