// H.265, RFC 7798: single NAL unit packets, aggregation packets and fragmentation units. Decoding order numbers (DONL,
// sprop-max-don-diff) are refused by name.
//
//   AP:  | header 48, 2 | size u16 | NAL unit | size u16 | NAL unit | …
//   FU:  | header 49, 2 | S E type | a piece of the NAL unit, without its header |

import { nalType } from "../../media/codec/h265/nal.js";
import { H265_NAL_UNITS } from "../../media/codec/h265/nal-units.js";
import { H265ParameterSets } from "../h265-parameter-sets.js";
import type { Depacketizer, DepacketizerContext } from "./depacketizer.js";
import { numberOf } from "./fmtp.js";
import { hasStartCode, NalPackets } from "./nal-packets.js";
import type { RtpMedia } from "./rtp-media.js";
import { SdpParameterSets } from "./sdp-parameter-sets.js";

const AP = 48;
const FU = 49;
const PACI = 50;
const HEADER_SIZE = 2;
const PARAMETER_SETS = ["sprop-vps", "sprop-sps", "sprop-pps"] as const;

export function whyNoH265(media: RtpMedia): string | undefined {
  const isNumbered = numberOf(media, "sprop-max-don-diff", 0) > 0 || numberOf(media, "sprop-depack-buf-nalus", 0) > 0;
  return isNumbered ? "H.265 with decoding order numbers (DONL)" : undefined;
}

export class H265Depacketizer implements Depacketizer {
  readonly #context: DepacketizerContext;
  readonly #nals: NalPackets;
  /** Type of the NAL unit whose pieces are coming. */
  #fragmented = 0;

  constructor(context: DepacketizerContext) {
    this.#context = context;
    const { media, note } = context;
    const announced = PARAMETER_SETS.map((name) => media.fmtp[name] ?? "");
    this.#nals = new NalPackets(
      H265_NAL_UNITS,
      new SdpParameterSets(new H265ParameterSets(), announced, note),
      context,
    );
  }

  take(packet: Uint8Array, start: number, end: number, timestamp: number, isMarked: boolean): void {
    if (end - start > HEADER_SIZE) this.#takePayload(packet, start, end, timestamp);
    else if (start < end) this.#context.statistics.badPackets++;
    this.#nals.endPacket(isMarked);
  }

  lose(_packets: number, bytes: number): void {
    this.#nals.lose(bytes);
  }

  end(): void {
    this.#nals.end();
  }

  free(): void {
    this.#nals.free();
  }

  #takePayload(packet: Uint8Array, start: number, end: number, timestamp: number): void {
    const type = nalType(packet, start);
    // A start code in front looks like NAL unit type 0.
    if (type < AP || hasStartCode(packet, start, end)) this.#nals.whole(packet, start, end, timestamp);
    else if (type === AP) this.#nals.aggregate(packet, start + HEADER_SIZE, end, timestamp);
    else if (type === FU) this.#takeFragment(packet, start, end, timestamp);
    else {
      this.#context.statistics.unsupportedPackets++;
      const name = type === PACI ? "PACI packets" : `packets of the reserved type ${type}`;
      this.#context.note(`H.265 ${name} were passed over`);
    }
  }

  #takeFragment(packet: Uint8Array, start: number, end: number, timestamp: number): void {
    const piece = start + HEADER_SIZE + 1;
    if (piece >= end) {
      this.#context.statistics.badPackets++;
      return;
    }
    const fragment = packet[start + HEADER_SIZE] as number;
    const type = fragment & 63;
    if ((fragment & 0x80) !== 0) {
      this.#nals.begin(timestamp);
      this.#nals.appendByte(((packet[start] as number) & 0x81) | (type << 1));
      this.#nals.appendByte(packet[start + 1] as number);
      this.#fragmented = type;
    } else if (!this.#nals.isOpen || this.#fragmented !== type) {
      this.#nals.passOver(Uint8Array.of(type << 1, 1), end - start, timestamp);
      return;
    }
    this.#nals.append(packet, piece, end);
    if ((fragment & 0x40) !== 0) this.#nals.finish(timestamp);
  }
}
