// One axis for the clocks of a session's tracks.

import { describe, expect, it } from "vitest";
import { RtpTime } from "../../../../src/ingest/rtp/rtp-time.js";
import { TrackAlignment } from "../../../../src/ingest/rtp/track-alignment.js";

const WALL = 3_900_000_000_000;

/** Video of 90 kHz and sound of 48 kHz, whose first packets come at these times. */
function tracks() {
  const video = new RtpTime(90_000);
  const audio = new RtpTime(48_000);
  const alignment = new TrackAlignment([video, audio]);
  const place = (track: 0 | 1, timestamp: number, arrivalMs: number): void => {
    const time = track === 0 ? video : audio;
    alignment.place(track, time.unwrap(timestamp), arrivalMs);
  };
  const report = (track: 0 | 1, wallMs: number, timestamp: number): boolean =>
    alignment.senderReport(track, { ssrc: 1, ntpMs: wallMs, ntpMiddle: 0, rtpTimestamp: timestamp });
  return { video, audio, alignment, place, report };
}

const ms = (time: RtpTime, timestamp: number): number => time.ticksOf(timestamp) / 90;

describe("track alignment", () => {
  it("goes by arrival where nothing else is known", () => {
    const { video, audio, place } = tracks();
    place(0, 1_000_000, 500);
    place(1, 77, 620);
    expect(ms(video, 1_000_000)).toBe(0);
    expect(ms(audio, 77)).toBe(120);
    expect(ms(audio, 77 + 48_000)).toBe(1120);
  });

  it("puts a track that joins late beside those that run, whose clock has drifted meanwhile", () => {
    const { video, audio, place } = tracks();
    place(0, 0, 0);
    // An hour, in which the camera's clock has gained 3 s.
    for (let frame = 0; frame < 4; frame++) {
      const timestamp = video.unwrap((3603 * 25 + frame) * 3600);
      video.arrived(timestamp, 3_600_000 + frame * 40);
    }
    place(1, 77, 3_600_180);
    expect(ms(audio, 77)).toBe(3_603_180);
  });

  it("takes the timestamps of PLAY over arrival, but not nonsense", () => {
    const { video, audio, alignment, place } = tracks();
    alignment.rtpInfo(0, 1_000_000);
    alignment.rtpInfo(1, 5000);
    place(0, 1_000_000, 500);
    place(1, 5000 + 480, 620); // 10 ms behind PLAY, whenever it came
    expect([ms(video, 1_000_000), ms(audio, 5480)]).toEqual([0, 10]);
    const odd = tracks();
    odd.alignment.rtpInfo(0, 1_000_000);
    odd.alignment.rtpInfo(1, 0);
    odd.place(0, 1_000_000, 500);
    odd.place(1, 3_000_000, 620);
    expect(ms(odd.audio, 3_000_000)).toBe(120);
  });

  it("takes sender reports that come before the packets", () => {
    const { video, audio, place, report } = tracks();
    report(0, WALL, 9000);
    report(1, WALL + 50, 480);
    place(0, 9000, 500);
    place(1, 480, 900);
    expect([ms(video, 9000), ms(audio, 480)]).toEqual([0, 50]);
  });

  it("moves the track that lags, and never one back", () => {
    for (const [audioMs, expected] of [
      [300, [0, 300]],
      [-300, [420, 120]],
    ] as const) {
      const { video, audio, place, report } = tracks();
      place(0, 9000, 500);
      place(1, 480, 620);
      expect(report(0, WALL, 9000)).toBe(true);
      expect(report(1, WALL + audioMs, 480)).toBe(true);
      expect([ms(video, 9000), ms(audio, 480)]).toEqual(expected);
    }
  });

  it("ignores reports that contradict the media by more than 10 s, and clocks that say nothing", () => {
    const { video, audio, place, report } = tracks();
    place(0, 9000, 500);
    place(1, 480, 620);
    expect(report(0, 0, 9000)).toBe(false);
    expect(report(0, WALL, 9000 + 11 * 90_000)).toBe(false);
    expect(report(0, WALL, 9000)).toBe(true);
    expect(report(1, WALL + 10_200, 480)).toBe(false);
    expect([ms(video, 9000), ms(audio, 480)]).toEqual([0, 120]);
  });

  it("moves nothing where the clock of the camera is set", () => {
    const { video, audio, place, report } = tracks();
    place(0, 0, 500);
    place(1, 0, 500);
    report(0, WALL, 0);
    report(1, WALL, 0);
    for (let s = 1; s <= 4; s++) {
      expect(report(0, WALL + 3000 + s * 1000, video.unwrap(s * 90_000))).toBe(true);
      expect(report(1, WALL + 3000 + s * 1000, audio.unwrap(s * 48_000))).toBe(true);
    }
    expect([ms(video, 0), ms(audio, 0)]).toEqual([0, 0]);
  });

  it("follows a drift, after three reports that agree", () => {
    const { video, audio, place, report } = tracks();
    place(0, 0, 500);
    place(1, 0, 500);
    report(0, WALL, 0);
    report(1, WALL, 0);
    const drift = (s: number, lateMs: number): void => {
      report(0, WALL + s * 1000, video.unwrap(s * 90_000));
      report(1, WALL + s * 1000 + lateMs, audio.unwrap(s * 48_000));
    };
    drift(1, 45);
    drift(2, -30);
    drift(3, 40);
    drift(4, 50);
    expect(ms(audio, 0)).toBe(0);
    drift(5, 60);
    expect([ms(video, 0), ms(audio, 0)]).toEqual([0, 40]);
  });
});
