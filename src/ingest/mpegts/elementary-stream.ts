// One recorded PID: its continuity counter (ISO/IEC 13818-1 §2.4.3.3), its PES packets, and the assembler of its access units.

import { TRACK_VIDEO } from "../../abi/frame.js";
import { AacAssembler } from "./aac-assembler.js";
import type { AccessUnitSink } from "./access-unit.js";
import type { DemuxStatistics } from "./demux-statistics.js";
import { H264Assembler } from "./h264-assembler.js";
import { PesHeader } from "./pes.js";
import { ProgramClock } from "./program-clock.js";

const PAYLOAD_PER_PACKET = 184;
/** Nothing is taken before the first PES start, nor after a loss. */
const WAITING = 0;
const IN_HEADER = 1;
const IN_PAYLOAD = 2;

export class ElementaryStream {
  #statistics: DemuxStatistics;
  #clock: ProgramClock;
  #header: PesHeader;
  #video: H264Assembler | undefined;
  #audio: AacAssembler | undefined;
  #state = WAITING;
  #counter = -1;
  #wasDuplicate = false;

  constructor(
    track: number,
    readonly pid: number,
    sink: AccessUnitSink,
    statistics: DemuxStatistics,
    clock: ProgramClock,
    maxAccessUnitBytes: number,
    onUnsupported: (what: string) => void,
  ) {
    this.#statistics = statistics;
    this.#clock = clock;
    this.#header = new PesHeader(statistics);
    if (track === TRACK_VIDEO) this.#video = new H264Assembler(sink, statistics, maxAccessUnitBytes);
    else this.#audio = new AacAssembler(sink, statistics, onUnsupported);
  }

  /** Checks the counter of a packet. False where it repeats the one before and is to be passed over. */
  continues(counter: number, hasPayload: boolean, isAnnounced: boolean, isUnitStart: boolean): boolean {
    if (isAnnounced) this.#statistics.announcedDiscontinuities++;
    if (!hasPayload) return true; // its counter stands still
    const last = this.#counter;
    this.#counter = counter;
    if (last < 0 || counter === ((last + 1) & 15)) {
      this.#wasDuplicate = false;
      return true;
    }
    if (isAnnounced) {
      // An edit: what came before is whole where the next PES packet begins here.
      if (!isUnitStart) this.#lose(0);
      return true;
    }
    if (counter === last && !this.#wasDuplicate) {
      this.#wasDuplicate = true;
      this.#statistics.duplicates++;
      return false;
    }
    this.#wasDuplicate = false;
    this.#statistics.continuityErrors++;
    this.#lose(((counter - last - 1) & 15) * PAYLOAD_PER_PACKET);
    return true;
  }

  /** The payload of a packet: bytes [start, end). */
  push(input: Uint8Array, inputWords: Int32Array, start: number, end: number, isUnitStart: boolean): void {
    if (isUnitStart) {
      if (this.#state === IN_HEADER) this.#statistics.badPes++;
      this.#header.begin();
      this.#state = IN_HEADER;
    }
    let at = start;
    if (this.#state === IN_HEADER) {
      at = this.#header.push(input, start, end);
      if (at > end) return;
      if (at < 0) {
        this.#lose(0);
        return;
      }
      this.#beginPes(input, at, end);
    } else if (this.#state === WAITING) return;
    if (this.#video) this.#video.push(input, inputWords, at, end);
    else this.#audio?.push(input, inputWords, at, end);
  }

  end(): void {
    this.#video?.end();
    this.#audio?.end();
    this.#state = WAITING;
  }

  #beginPes(input: Uint8Array, start: number, end: number): void {
    this.#state = IN_PAYLOAD;
    const { pts33, dts33 } = this.#header;
    const dts90k = Number.isNaN(dts33) ? Number.NaN : this.#clock.unwrap(dts33);
    if (this.#video) this.#video.begin(dts90k, ProgramClock.ctsOffset90k(pts33, dts33), input, start, end);
    else this.#audio?.begin(dts90k);
  }

  #lose(bytes: number): void {
    this.#state = WAITING;
    this.#video?.lose(bytes);
    this.#audio?.lose(bytes);
  }
}
