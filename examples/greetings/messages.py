"""Messages of `greetings.proto`, compiled at import; a module made by `protoc --python_out` does as well."""

import grpc

Greetings = grpc.protos("greetings.proto").Greetings
