"""Values that are protobuf messages: schemas, text forms, merges and patches of the wire format."""
