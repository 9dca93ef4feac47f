// The Transport header (RFC 2326 §12.39): how the packets of one medium travel.

export interface TransportOffer {
  readonly isTcp: boolean;
  readonly isMulticast: boolean;
  /** Of this medium's packets and of its RTCP; undefined where it does not say. */
  readonly channels: Pair | undefined;
  readonly clientPorts: Pair | undefined;
  readonly serverPorts: Pair | undefined;
  /** Where packets come from, where that is not the server. */
  readonly source: string;
  readonly isRecord: boolean;
}

export type Pair = readonly [first: number, second: number];

const MAX_CHANNEL = 255;
const MAX_PORT = 65_535;

/** The alternatives of a header, best first. */
export function parseTransports(header: string): TransportOffer[] {
  return header.split(",").map(parseTransport);
}

function parseTransport(text: string): TransportOffer {
  const [profile = "", ...parameters] = text.split(";").map((part) => part.trim());
  const values = new Map<string, string>();
  for (const parameter of parameters) {
    const equals = parameter.indexOf("=");
    const name = equals < 0 ? parameter : parameter.slice(0, equals);
    values.set(name.toLowerCase(), equals < 0 ? "" : parameter.slice(equals + 1).replace(/^"|"$/g, ""));
  }
  return {
    isTcp: /\/TCP$/i.test(profile) || values.has("interleaved"),
    isMulticast: values.has("multicast"),
    channels: pair(values.get("interleaved"), MAX_CHANNEL),
    clientPorts: pair(values.get("client_port"), MAX_PORT),
    serverPorts: pair(values.get("server_port"), MAX_PORT),
    source: values.get("source") ?? "",
    isRecord: /^record|^receive/i.test(values.get("mode") ?? ""),
  };
}

/** One number stands for itself and the next. */
function pair(text: string | undefined, max: number): Pair | undefined {
  const [, first, second] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text ?? "") ?? [];
  if (first === undefined) return undefined;
  const numbers = [Number(first), Number(second ?? Number(first) + 1)] as const;
  return numbers.every((number) => number <= max) ? numbers : undefined;
}

export function tcpTransport([first, second]: Pair): string {
  return `RTP/AVP/TCP;unicast;interleaved=${first}-${second}`;
}

export function udpTransport([first, second]: Pair): string {
  return `RTP/AVP;unicast;client_port=${first}-${second}`;
}
