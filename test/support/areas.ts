// What the tests are about, so that a run can say what each part of Reel costs it. The first pattern that is found in a
// file's path below test/ names its area. None is to take more than MAX_SHARE_SECONDS of `npm test`: what does not fit
// goes to torture.

export const MAX_SHARE_SECONDS = 60;

const AREAS: readonly (readonly [area: string, path: RegExp])[] = [
  ["house", /^lint\/|^validators\/|e2e\/(build|version-0)|catalog\/|support\/|^property\/random-access/],
  ["group", /group/],
  ["cores", /workers?[./]|hand-over|crowd|capacity|threads|^concurrency\//],
  [
    "kept footage",
    /rules?[./]|pre-record|clock\/|by-the-clock|past\/|retention|upload|totals|deletion|copies|manifest/,
  ],
  ["playback and dashboard", /hls|clip|playback|preview|chromium|dashboard|metrics|catalogue/],
  ["cameras and other pulled sources", /rts?p|pull/],
  [
    "access and losses",
    /control-access|strangers|hostile|security\/|credentials|unrecorded|recording-events|restart-gap/,
  ],
  ["codecs and tracks", /codec|h265|sound|pcm|latm|usac|tracks\.|decoder-conf|colour|open-gop|refus|ex-header/],
  ["package and manual", /packag|docs|command-line|operation|start-messages|server\//],
  ["crashes and full disks", /recorder-faults|e2e\/restart|recovery|finish|fault\/(kill|disks|mp4-disk-full)/],
  ["repairs", /^fault\/|two-servers|membership|audio-change|random-access|clocks|odd-encoders/],
  ["control interface", /control|client\/|cli\//],
];

/** From RTMP and MPEG-TS to files of all containers. */
const OTHERS = "recording";

/** `path` is that below test/, with slashes. */
export function areaOf(path: string): string {
  return AREAS.find(([, pattern]) => pattern.test(path))?.[0] ?? OTHERS;
}
