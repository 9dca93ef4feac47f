// What the tests are about, so that a run can say what each part of Reel costs it. The first pattern that is found in a
// file's path below test/ names its area. None is to take more than MAX_SHARE_SECONDS of `npm test`: what does not fit
// goes to torture.

export const MAX_SHARE_SECONDS = 60;

const AREAS: readonly (readonly [area: string, path: RegExp])[] = [
  ["house", /^lint\/|^validators\/|e2e\/build|catalog\/|support\/|^property\/random-access/],
  ["group", /group|membership/],
  ["cores", /workers?[./]|hand-over|crowd|capacity|dead-threads|^concurrency\//],
  [
    "kept footage",
    /rules?[./]|pre-record|clock\/|by-the-clock|past\/|retention|upload|totals|deletion|copies|manifest/,
  ],
  ["playback and dashboard", /hls|clip|playback|preview|chromium|dashboard|metrics|catalogue/],
  ["cameras", /rts?p/],
  [
    "codecs and tracks",
    /codec|h265|sound|pcm|latm|usac|tracks?[.-]|decoder-conf|colour|open-gop|odd-enc|refus|ex-header/,
  ],
  ["access", /control-access|strangers|hostile|security\/|bad-publishers|credentials/],
  ["package and manual", /packag|docs|command-line|cli|operation|start-messages|server\//],
  ["faults", /^fault\/|faults|restart|recovery|two-servers|audio-change|random-access|clocks|segments/],
];

/** Recording from RTMP and MPEG-TS, MP4, the control interface: what was there first. */
const OTHERS = "recording and control";

/** `path` is that below test/, with slashes. */
export function areaOf(path: string): string {
  return AREAS.find(([, pattern]) => pattern.test(path))?.[0] ?? OTHERS;
}
