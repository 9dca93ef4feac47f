// A frame sink as the assembler of one stream sees it: whatever number an assembler gives its frames, they are of one
// track of the in-stream. Pictures of several videos are no sequence, so each but the first has a rule of its own.

import { TRACK_VIDEO } from "../../abi/frame.js";
import type { CodecName } from "../../media/codec/codec-entry.js";
import { RandomAccessRule } from "../../stream/random-access-rule.js";
import type { NewTrack } from "../../stream/track.js";
import type { UnrecordedTrack } from "../../stream/unrecorded-track.js";
import type { AccessUnit, AccessUnitSink, Loss } from "./access-unit.js";

export class TrackSink implements AccessUnitSink {
  readonly randomAccess: RandomAccessRule;

  constructor(
    private readonly sink: AccessUnitSink,
    private readonly track: number,
  ) {
    this.randomAccess = track === TRACK_VIDEO ? sink.randomAccess : new RandomAccessRule();
  }

  decoderConfig(_track: number, codec: CodecName, bytes: Uint8Array): boolean {
    return this.sink.decoderConfig(this.track, codec, bytes);
  }

  describeTrack(_track: number, about: NewTrack): void {
    this.sink.describeTrack(this.track, about);
  }

  withdrawTrack(_track: number): void {
    this.sink.withdrawTrack(this.track);
  }

  setUnrecorded(tracks: readonly UnrecordedTrack[], isAll: boolean): void {
    this.sink.setUnrecorded(tracks, isAll);
  }

  accessUnit(accessUnit: AccessUnit): void {
    accessUnit.track = this.track;
    this.sink.accessUnit(accessUnit);
  }

  loss(loss: Loss): void {
    this.sink.loss({ ...loss, track: this.track });
  }
}
