"""A protobuf message for tests, in a descriptor pool of its own."""

from typing import TYPE_CHECKING

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

if TYPE_CHECKING:
    from google.protobuf.message import Message

    class Greetings(Message):
        greeting: str
        times_said: int

        def __init__(self, *, greeting: str = "", times_said: int = 0) -> None: ...

else:
    _file = FileDescriptorProto(name="tests/greetings.proto", package="tests", syntax="proto3")
    _message = _file.message_type.add(name="Greetings")
    _message.field.add(name="greeting", number=1, type=FieldDescriptorProto.TYPE_STRING)
    _message.field.add(name="times_said", number=2, type=FieldDescriptorProto.TYPE_INT32)
    _pool = DescriptorPool()
    _pool.Add(_file)
    Greetings = GetMessageClass(_pool.FindMessageTypeByName("tests.Greetings"))
