// WebSocket channels of the HTTP listener beside the one of the commands: bytes for whoever looks. As with routes
// (routes.ts), a room brings a module, and knows neither the listener nor its library. Host, Origin and credentials are
// checked in front; viewers may open all of them.

/** Who looks. Nothing of what it sends is read. */
export interface ChannelPeer {
  /** What is queued and not yet taken by the network. */
  readonly bufferedBytes: number;
  /** Does nothing once the connection is gone. */
  send(bytes: Uint8Array): void;
  /** `code` as in RFC 6455 §7.4; `reason` is cut to the 123 bytes that fit. */
  close(code: number, reason: string): void;
}

export interface ChannelModule {
  /** In log lines. */
  readonly name: string;
  /** With slashes around it; what follows in the address is percent-encoded, and says what is looked at. */
  readonly path: string;
  /** Hands back what is called when the peer is gone, whoever has ended it. */
  open(wanted: string, peer: ChannelPeer): () => void;
}
