"""Deleting everything below a prefix in one transaction."""

from dataclasses import dataclass

from explorer.drivers.common.errors import nothing_below
from explorer.drivers.etcd import messages
from explorer.drivers.etcd.connection import EtcdConnection
from explorer.drivers.etcd.methods import RANGE
from explorer.drivers.etcd.write_attempt import TransactionAttempt
from explorer.model.errors import KeyModified


@dataclass(slots=True)
class EtcdTreeDeletion:
    """The deletion of a range of keys.

    A comparison over a range holds when it holds for every key in it, so what another client changed or added since
    the guard refuses the deletion; what it deleted since is not seen, and does no harm.

    When the answer is lost and nothing is left of what was there, it happened (or others did the same). Otherwise it is
    sent again, guarded by what was looked at: so it never deletes what others made after the first sending.

    Args:
        cluster: The connection.
        subject: The prefix as the caller wrote it.
        start: First key of the range.
        end: End of the range.
        guard: The revision of a preview that must still hold, or None.
    """

    cluster: EtcdConnection
    subject: str
    start: bytes
    end: bytes
    guard: int | None

    async def commit(self) -> int:
        """Delete, and tell how many keys there were.

        Raises:
            KeyNotFound: The range is empty.
            KeyModified: Something in it was written since the guard.
            OutcomeUnknown: The answer was lost and the store cannot tell.
        """
        counting = messages.RangeRequest(key=self.start, range_end=self.end, count_only=True)
        counted = await self.cluster.call(RANGE, counting, key=self.subject)
        if not counted.count:
            raise nothing_below()
        delivery = TransactionAttempt(self.cluster, self.subject)
        guard = self.guard
        while True:
            answer = await delivery.commit(self._request(guard))
            if answer is not None and answer.succeeded:
                return answer.responses[0].response_delete_range.deleted or counted.count
            if delivery.lost_reply is not None:
                remains = await delivery.look(self._remains(counted.header.revision))
                if not remains.kvs:
                    return counted.count
                guard = self.guard or remains.header.revision
            if answer is not None and (self.guard is not None or delivery.lost_reply is None):
                raise KeyModified(
                    "something below was written since the preview; nothing was deleted",
                    hint="look at it again",
                    address=self.cluster.redacted,
                    key=self.subject,
                )

    def _request(self, guard: int | None) -> messages.TxnRequest:
        erase = messages.DeleteRangeRequest(key=self.start, range_end=self.end)
        request = messages.TxnRequest(success=[messages.RequestOp(request_delete_range=erase)])
        if guard is not None:
            request.compare.add(
                result=messages.Compare.LESS,
                target=messages.Compare.MOD,
                key=self.start,
                range_end=self.end,
                mod_revision=guard + 1,
            )
        return request

    def _remains(self, revision: int) -> messages.RangeRequest:
        """Ask for what was there at a revision and still is."""
        return messages.RangeRequest(
            key=self.start, range_end=self.end, keys_only=True, limit=1, max_create_revision=revision
        )
