"""A schema with constraints of `buf.validate`, and what breaks them."""

SOURCE = """\
syntax = "proto3";
package shop;
import "buf/validate/validate.proto";
message Item {
  string sku = 1 [(buf.validate.field).string.min_len = 1];
  uint32 count = 2 [(buf.validate.field).uint32 = {gte: 1, lte: 2}];
}
message Order {
  string id = 1 [(buf.validate.field).string.pattern = "^[a-z]{3}$"];
  repeated Item items = 2 [(buf.validate.field).repeated.min_items = 1];
  uint32 total = 3;
  option (buf.validate.message).cel = {
    id: "total_of_items", message: "the total must be at least the number of items", expression: "this.total < 11u"
  };
}
"""
ORDER = [
    "order: the total must be at least the number of items (total_of_items)",
    "order: id: does not match regex pattern `^[a-z]{3}$` (string.pattern)",
    "order: items[0].count: must be greater than or equal to 1 and less than or equal to 2 (uint32.gte_lte)",
    "order: items[1].sku: must be at least 1 characters (string.min_len)",
    "order: items[1].count: must be greater than or equal to 1 and less than or equal to 2 (uint32.gte_lte)",
    "total: total: 11 is greater than 10",
    'json: items: [{"count":0,"sku":"x"},{"count":3,"sku":""}] has more than 1 item',
]
"""Violations that the test expects."""
