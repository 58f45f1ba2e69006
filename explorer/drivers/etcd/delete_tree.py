"""Deletion of everything below a prefix in one transaction."""

from dataclasses import dataclass
from functools import partial

from explorer.drivers.common.errors import nothing_below
from explorer.drivers.etcd import messages
from explorer.drivers.etcd.cas import TxnAttempt
from explorer.drivers.etcd.connection import EtcdConnection
from explorer.drivers.etcd.endpoint import RANGE, TXN
from explorer.model.errors import KeyModified


@dataclass(slots=True)
class EtcdTreeDeletion:
    """Deletion of a range of keys.

    A comparison over a range holds when it holds for every key in it. So it fails if another client changed or added
    a key after the guard; keys that were deleted after it do not matter.

    When the response is lost and no key of before is left, the deletion happened (or others did the same). Otherwise
    it is sent again, guarded by the revision of that check, so that it never deletes what others wrote after the first
    sending.

    Args:
        connection: The connection to the cluster.
        subject: The prefix for the log.
        start: First key of the range.
        end: End of the range, exclusive.
        guard: The revision of a preview that must still hold, or None.
    """

    connection: EtcdConnection
    subject: str
    start: bytes
    end: bytes
    guard: int | None

    async def commit(self) -> int:
        """Delete the range and return the number of deleted keys.

        Raises:
            KeyNotFound: The range is empty.
            KeyModified: A key in it was written after the guard.
            OutcomeUnknown: The response was lost and the store cannot tell.
        """
        count_request = messages.RangeRequest(key=self.start, range_end=self.end, count_only=True)
        before = await self.connection.call(RANGE, count_request)
        if not before.count:
            raise nothing_below()
        attempt = TxnAttempt(self.connection, self.subject)
        request = self._request(self.guard)

        while True:
            response = await attempt.send(partial(self.connection.call_once, TXN, request))
            if response is not None and response.succeeded:
                return response.responses[0].response_delete_range.deleted or before.count
            if attempt.lost_reply is not None:
                remaining = await attempt.read(self._remaining_request(before.header.revision))
                if not remaining.kvs:
                    return before.count
                request = self._request(self.guard or remaining.header.revision)
            if response is not None and (self.guard is not None or attempt.lost_reply is None):
                raise KeyModified(
                    "a key below was written since the preview; nothing was deleted",
                    hint="look at it again",
                )

    def _request(self, guard: int | None) -> messages.TxnRequest:
        deletion = messages.DeleteRangeRequest(key=self.start, range_end=self.end)
        request = messages.TxnRequest(success=[messages.RequestOp(request_delete_range=deletion)])
        if guard is not None:
            request.compare.add(
                result=messages.Compare.LESS,
                target=messages.Compare.MOD,
                key=self.start,
                range_end=self.end,
                mod_revision=guard + 1,
            )
        return request

    def _remaining_request(self, revision: int) -> messages.RangeRequest:
        """Return the request for a key that existed at a revision and still exists."""
        return messages.RangeRequest(
            key=self.start, range_end=self.end, keys_only=True, limit=1, max_create_revision=revision
        )
