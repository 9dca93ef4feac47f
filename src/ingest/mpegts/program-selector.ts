// Follows the program tables and settles on one program: the one asked for, else the first of the PAT with video, else
// the first with audio. Programs in front of it are waited for, but not for ever: a table that never comes must not
// keep the others from being recorded.

import type { TrackKind } from "../../media/codec/codec-entry.js";
import { codecOfStream } from "../../media/codec/table.js";
import type { DemuxStatistics } from "../../media/mpegts/demux-statistics.js";
import {
  type PatProgram,
  type PmtStream,
  type ProgramMap,
  parseProgramAssociation,
  parseProgramMap,
  SectionAssembler,
} from "../../media/mpegts/psi.js";

const PAT_PID = 0;
/** Tables come at least every 500 ms; by this many of them every program should have had its turn. */
const MAX_WAIT_TABLES = 50;
/** Of all sections of a PAT together: what one section can name. */
const MAX_PROGRAMS = 253;

interface SelectorEvents {
  /** Whether packets of this PID are to be given to `push`. */
  watchPid(pid: number, isWatched: boolean): void;
  /** The program to record, first and whenever its map changes. */
  onProgram(program: ProgramMap): void;
}

export class ProgramSelector {
  #statistics: DemuxStatistics;
  #wanted: number | undefined;
  #events: SelectorEvents;
  #assemblers = new Map<number, SectionAssembler>();
  /** Programs by PAT section, so that a PAT of several sections is one list. */
  #sections = new Map<number, PatProgram[]>();
  #programs: PatProgram[] = [];
  /** CRC of the last table of each PID: a repeat of it says nothing new. */
  #lastCrc = new Map<number, number>();
  #patVersion = -1;
  #maps = new Map<number, ProgramMap>();
  #selected: ProgramMap | undefined;
  #tablesSeen = 0;

  constructor(statistics: DemuxStatistics, programNumber: number | undefined, events: SelectorEvents) {
    this.#statistics = statistics;
    this.#wanted = programNumber;
    this.#events = events;
    this.#watch(PAT_PID);
  }

  push(pid: number, bytes: Uint8Array, start: number, end: number, isUnitStart: boolean): void {
    this.#assemblers.get(pid)?.push(bytes, start, end, isUnitStart);
  }

  #watch(pid: number): void {
    if (this.#assemblers.has(pid)) return;
    const onSection = (section: Uint8Array, size: number): void => this.#takeSection(pid, section, size);
    this.#assemblers.set(pid, new SectionAssembler(onSection, () => this.#statistics.badSections++));
    if (pid !== PAT_PID) this.#events.watchPid(pid, true);
  }

  #takeSection(pid: number, section: Uint8Array, size: number): void {
    const crc =
      (((section[size - 4] ?? 0) << 24) |
        ((section[size - 3] ?? 0) << 16) |
        ((section[size - 2] ?? 0) << 8) |
        (section[size - 1] ?? 0)) >>>
      0;
    if (this.#selected && this.#lastCrc.get(pid) === crc) return;
    this.#lastCrc.set(pid, crc);
    if (pid === PAT_PID) this.#takePat(section, size);
    else this.#takePmt(pid, section, size);
  }

  #takePat(section: Uint8Array, size: number): void {
    const pat = parseProgramAssociation(section, size);
    if (!pat) return;
    if (pat.version !== this.#patVersion) {
      this.#patVersion = pat.version;
      this.#sections.clear();
    }
    if (this.#sections.has(pat.sectionNumber)) return;
    this.#sections.set(pat.sectionNumber, pat.programs);
    if (this.#sections.size <= pat.lastSectionNumber) return;
    const programs = [...this.#sections]
      .sort(([a], [b]) => a - b)
      .flatMap(([, list]) => list)
      .slice(0, MAX_PROGRAMS);
    this.#programs = programs;
    const pids = new Set(programs.map((program) => program.pmtPid));
    for (const pid of this.#assemblers.keys()) {
      if (pid === PAT_PID || pids.has(pid)) continue;
      this.#assemblers.delete(pid);
      this.#lastCrc.delete(pid);
      this.#events.watchPid(pid, false);
    }
    for (const number of this.#maps.keys())
      if (!programs.some((program) => program.programNumber === number)) this.#maps.delete(number);
    for (const pid of pids) this.#watch(pid);
    if (this.#selected && !this.#maps.has(this.#selected.programNumber)) {
      this.#selected = undefined;
      this.#tablesSeen = 0;
    }
    this.#select();
  }

  #takePmt(pid: number, section: Uint8Array, size: number): void {
    const map = parseProgramMap(section, size);
    if (!map) {
      if (section[0] === 2 && ((section[5] ?? 0) & 1) === 1) this.#statistics.badSections++;
      return;
    }
    if (!this.#programs.some((program) => program.pmtPid === pid && program.programNumber === map.programNumber))
      return;
    if (!this.#selected) this.#tablesSeen++;
    const known = this.#maps.get(map.programNumber);
    // Muxers exist that change the map and forget the version; the streams are what counts.
    const isRepeat = known !== undefined && known.version === map.version && sameStreams(known, map);
    if (!isRepeat) this.#maps.set(map.programNumber, map);
    if (this.#selected?.programNumber === map.programNumber) {
      if (isRepeat) return;
      this.#selected = map;
      this.#statistics.programChanges++;
      this.#events.onProgram(map);
    } else if (!this.#selected) this.#select();
  }

  #select(): void {
    if (this.#selected) return;
    const has = (map: ProgramMap, kind: TrackKind): boolean =>
      map.streams.some((stream) => codecOfStream(stream)?.kind === kind);
    const isPatient = this.#tablesSeen < MAX_WAIT_TABLES;
    let withAudio: ProgramMap | undefined;
    for (const { programNumber } of this.#programs) {
      if (this.#wanted !== undefined && programNumber !== this.#wanted) continue;
      const map = this.#maps.get(programNumber);
      if (!map) {
        if (isPatient) return;
        continue;
      }
      if (has(map, "video") || this.#wanted !== undefined) {
        this.#use(map);
        return;
      }
      if (has(map, "audio")) withAudio ??= map;
    }
    // With nothing that can be recorded the first map is used all the same: its streams are named in the log.
    const first = withAudio ?? this.#maps.values().next().value;
    if (first && this.#wanted === undefined) this.#use(first);
  }

  #use(map: ProgramMap): void {
    this.#selected = map;
    this.#events.onProgram(map);
  }
}

function sameStreams(a: ProgramMap, b: ProgramMap): boolean {
  return (
    a.pcrPid === b.pcrPid &&
    a.streams.length === b.streams.length &&
    a.streams.every((stream, i) => isSameStream(stream, b.streams[i]))
  );
}

function isSameStream(a: PmtStream, b: PmtStream | undefined): boolean {
  return a.pid === b?.pid && a.streamType === b.streamType && Buffer.compare(a.descriptors, b.descriptors) === 0;
}
