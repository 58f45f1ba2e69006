"""The whole contract: `class TestMyStore(DriverContract, MyFixtures)` is a driver's test."""

from tests.contract.atomic import AtomicContract, HistoryContract
from tests.contract.common import SingleKeyContract
from tests.contract.errors import UnsupportedContract
from tests.contract.keys import KeyContract
from tests.contract.locks import LockContract, LockListContract
from tests.contract.reads import ListingContract
from tests.contract.transactions import TransactionContract
from tests.contract.ttl import TtlContract
from tests.contract.watches import ResumeContract, WatchContract


class DriverContract(
    SingleKeyContract,
    ListingContract,
    AtomicContract,
    HistoryContract,
    TransactionContract,
    TtlContract,
    WatchContract,
    ResumeContract,
    LockContract,
    LockListContract,
    KeyContract,
    UnsupportedContract,
):
    """All tests of the contract."""
