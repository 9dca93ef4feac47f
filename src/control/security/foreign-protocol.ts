// Web pages can make a browser speak to any port, in HTTP or TLS: a form or `fetch` whose body holds a command line, a
// TLS session ticket that holds one. Such a connection begins with bytes of its own protocol, before anything that a
// page can choose, so a line protocol tells it by its first line.

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
/** A request line, or a header, as RFC 9112 §3 and §5 write them. */
const HTTP_LINE = new RegExp(`^(?:${TOKEN} \\S.* HTTP/\\d(?:\\.\\d)?\\s*|${TOKEN}:.*)$`);
/** The type of a TLS handshake record (RFC 8446 §5.1). */
const TLS_HANDSHAKE = 0x16;

/** True if a connection's first line is HTTP's. */
export function isHttpLine(line: string): boolean {
  return HTTP_LINE.test(line);
}

/** True if a connection begins as TLS does. */
export function isTlsHandshake(firstBytes: Uint8Array): boolean {
  return firstBytes[0] === TLS_HANDSHAKE;
}
