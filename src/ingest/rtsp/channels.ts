// The channels of an RTSP connection on which packets come interleaved (RFC 2326 §10.12), and what comes on each. A
// table, because it is asked for every packet.

const CHANNELS = 256;
const NONE = -1;

export class Channels {
  /** Twice the index of the medium, and one more for RTCP. */
  readonly #places = new Int16Array(CHANNELS).fill(NONE);

  /** Packets are expected on it. */
  has(channel: number): boolean {
    return (this.#places[channel] ?? NONE) !== NONE;
  }

  /** Twice the index of the medium, and one more for RTCP; negative where nothing is expected. */
  placeOf(channel: number): number {
    return this.#places[channel] ?? NONE;
  }

  set(channel: number, place: number): void {
    this.#places[channel] = place;
  }
}
