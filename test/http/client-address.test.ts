import { expect, test } from "bun:test";
import { clientOf } from "../../src/http/client-address.ts";

test.each([
  ["192.0.2.7", "192.0.2.7"],
  ["::ffff:192.0.2.7", "192.0.2.7"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:0DB8:1:2::1", "2001:db8:1:2::/64"],
  ["2001:db8:1:3::1", "2001:db8:1:3::/64"],
  ["::1", "0:0:0:0::/64"],
  ["unknown", "unknown"],
])("behind the address %s is %s", (address, client) => {
  expect(clientOf(address)).toBe(client);
});
