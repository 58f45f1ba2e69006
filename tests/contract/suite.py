"""The whole contract: `class TestMyStore(AllOfTheContract, MyFixtures)` is a driver's test."""

from tests.contract.atomic import Atomic, History
from tests.contract.common import Common
from tests.contract.keys import Keys
from tests.contract.lifetimes import Lifetimes
from tests.contract.listing import Listing
from tests.contract.locking import Inspecting, Locking
from tests.contract.refusals import Refusals
from tests.contract.watching import Resuming, Watching


class AllOfTheContract(
    Common, Listing, Atomic, History, Lifetimes, Watching, Resuming, Locking, Inspecting, Keys, Refusals
):
    """Every family."""
