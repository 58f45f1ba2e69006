"""Messages of etcd's v3 API, from `messages.proto`, in a descriptor pool of their own.

No generated module: it would register the messages in protobuf's default pool, beside the user's own descriptors.
The types are in `messages.pyi`, generated with the descriptors by `make messages`.
"""

from importlib.resources import files

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClassesForFiles

_descriptors = FileDescriptorSet.FromString(files(__package__).joinpath("messages.binpb").read_bytes())
_pool = DescriptorPool()
for _file in _descriptors.file:
    _pool.Add(_file)
globals().update(
    {
        name.rpartition(".")[2]: message
        for name, message in GetMessageClassesForFiles([file.name for file in _descriptors.file], _pool).items()
    }
)
