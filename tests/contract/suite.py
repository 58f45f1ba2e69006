"""The whole contract: `class TestMyStore(AllOfTheContract, MyFixtures)` is a driver's test."""

from tests.contract.atomic import Atomic, History
from tests.contract.common import Common
from tests.contract.errors import Refusals
from tests.contract.keys import Keys
from tests.contract.locks import Inspecting, Locking
from tests.contract.reads import Listing
from tests.contract.ttl import Lifetimes
from tests.contract.watches import Resuming, Watching


class DriverContract(
    Common, Listing, Atomic, History, Lifetimes, Watching, Resuming, Locking, Inspecting, Keys, Refusals
):
    """Every family."""
