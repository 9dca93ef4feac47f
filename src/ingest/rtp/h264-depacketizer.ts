// H.264, RFC 6184: single NAL unit packets, STAP-A and FU-A. The structures of the interleaved mode (STAP-B, MTAP,
// FU-B) are refused by name.
//
//   STAP-A:  | 24 | size u16 | NAL unit | size u16 | NAL unit | …
//   FU-A:    | F NRI 28 | S E R type | a piece of the NAL unit, without its header |

import { H264_NAL_UNITS } from "../../media/codec/h264/nal-units.js";
import { H264ParameterSets } from "../h264-parameter-sets.js";
import type { Depacketizer, DepacketizerContext } from "./depacketizer.js";
import { hasStartCode, NalPackets } from "./nal-packets.js";
import { SdpParameterSets } from "./sdp-parameter-sets.js";

const STAP_A = 24;
const FU_A = 28;
const LAST_SINGLE = 23;
const INTERLEAVED: Readonly<Record<number, string>> = { 25: "STAP-B", 26: "MTAP16", 27: "MTAP24", 29: "FU-B" };

export class H264Depacketizer implements Depacketizer {
  readonly #context: DepacketizerContext;
  readonly #nals: NalPackets;
  /** Header of the NAL unit whose pieces are coming. */
  #fragmented = 0;

  constructor(context: DepacketizerContext) {
    this.#context = context;
    const { media, note } = context;
    const sets = new SdpParameterSets(new H264ParameterSets(), [media.fmtp["sprop-parameter-sets"] ?? ""], note);
    this.#nals = new NalPackets(H264_NAL_UNITS, sets, context);
  }

  take(packet: Uint8Array, start: number, end: number, timestamp: number, isMarked: boolean): void {
    if (start < end) {
      const type = (packet[start] as number) & 31;
      if (type >= 1 && type <= LAST_SINGLE) this.#nals.whole(packet, start, end, timestamp);
      else if (type === STAP_A) this.#nals.aggregate(packet, start + 1, end, timestamp);
      else if (type === FU_A) this.#takeFragment(packet, start, end, timestamp);
      else if (type === 0 && hasStartCode(packet, start, end)) this.#nals.whole(packet, start, end, timestamp);
      else this.#refuse(type);
    }
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

  #takeFragment(packet: Uint8Array, start: number, end: number, timestamp: number): void {
    if (start + 2 >= end) {
      this.#context.statistics.badPackets++;
      return;
    }
    const fragment = packet[start + 1] as number;
    const header = ((packet[start] as number) & 0xe0) | (fragment & 31);
    if ((fragment & 0x80) !== 0) {
      this.#nals.begin(timestamp);
      this.#nals.appendByte(header);
      this.#fragmented = header;
    } else if (!this.#nals.isOpen || (this.#fragmented & 31) !== (fragment & 31)) {
      this.#nals.passOver(Uint8Array.of(header), end - start, timestamp);
      return;
    }
    this.#nals.append(packet, start + 2, end);
    if ((fragment & 0x40) !== 0) this.#nals.finish(timestamp);
  }

  #refuse(type: number): void {
    this.#context.statistics.unsupportedPackets++;
    const name = INTERLEAVED[type];
    this.#context.note(
      name === undefined
        ? `H.264 packets of the reserved type ${type} were passed over`
        : `H.264 in interleaved packets (${name}) is not supported`,
    );
  }
}
