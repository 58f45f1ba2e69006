"""The calls of etcd's API that Keyscope makes."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from google.protobuf.message import Message

from explorer.drivers.etcd import messages

Question = TypeVar("Question", bound=Message)
Answer = TypeVar("Answer", bound=Message)


@dataclass(frozen=True, slots=True)
class Method(Generic[Question, Answer]):
    """One call of etcd's API."""

    path: str
    question: type[Question]
    answer: type[Answer]

    @property
    def name(self) -> str:
        """The name of the call without its service."""
        return self.path.rpartition("/")[2]


RANGE = Method("/etcdserverpb.KV/Range", messages.RangeRequest, messages.RangeResponse)
RANGE_STREAM = Method("/etcdserverpb.KV/RangeStream", messages.RangeRequest, messages.RangeStreamResponse)
TXN = Method("/etcdserverpb.KV/Txn", messages.TxnRequest, messages.TxnResponse)
DELETE_RANGE = Method("/etcdserverpb.KV/DeleteRange", messages.DeleteRangeRequest, messages.DeleteRangeResponse)
WATCH = Method("/etcdserverpb.Watch/Watch", messages.WatchRequest, messages.WatchResponse)
LEASE_GRANT = Method("/etcdserverpb.Lease/LeaseGrant", messages.LeaseGrantRequest, messages.LeaseGrantResponse)
LEASE_REVOKE = Method("/etcdserverpb.Lease/LeaseRevoke", messages.LeaseRevokeRequest, messages.LeaseRevokeResponse)
LEASE_KEEP_ALIVE = Method(
    "/etcdserverpb.Lease/LeaseKeepAlive", messages.LeaseKeepAliveRequest, messages.LeaseKeepAliveResponse
)
LEASE_TIME_TO_LIVE = Method(
    "/etcdserverpb.Lease/LeaseTimeToLive", messages.LeaseTimeToLiveRequest, messages.LeaseTimeToLiveResponse
)
AUTHENTICATE = Method("/etcdserverpb.Auth/Authenticate", messages.AuthenticateRequest, messages.AuthenticateResponse)
STATUS = Method("/etcdserverpb.Maintenance/Status", messages.StatusRequest, messages.StatusResponse)
ALARM = Method("/etcdserverpb.Maintenance/Alarm", messages.AlarmRequest, messages.AlarmResponse)
MEMBERS = Method("/etcdserverpb.Cluster/MemberList", messages.MemberListRequest, messages.MemberListResponse)
