"""Files that hold many keys: cn-infra's FileDB, and one document as a tree of its values."""
