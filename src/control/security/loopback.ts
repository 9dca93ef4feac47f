import { isIP } from "node:net";

/** Of this host: `localhost`, 127.0.0.0/8, ::1, also as an IPv4 address in IPv6's form. */
export function isLoopback(host: string): boolean {
  const address = host.replace(/^::ffff:/i, "");
  return address === "localhost" || address === "::1" || (isIP(address) === 4 && address.startsWith("127."));
}
