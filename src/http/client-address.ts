import ipaddr from "ipaddr.js";

/** Whoever is behind an address: of version 6 one has at least 2^64 of them. */
export function clientOf(address: string): string {
  // Asked with every request that has a key: an address of version 4 stands for itself and is not parsed.
  if (!address.includes(":") || !ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  return parsed instanceof ipaddr.IPv6 ? `${network(parsed)}::/64` : parsed.toString();
}

function network({ parts }: ipaddr.IPv6): string {
  return parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(":");
}
