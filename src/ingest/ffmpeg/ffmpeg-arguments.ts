// What ffmpeg is told for each scheme. The URI is checked before (an allow-list of schemes, never an option), and
// ffmpeg itself is confined to the protocols and formats that such a source needs, so that a playlist or a redirect
// cannot make it open anything else.

import type { SourceRequest } from "../source.js";

interface SchemeRules {
  /** EMS's tag, ems-record-spec §2.0. */
  sourceType: string;
  protocols: string;
  /** Absent: the protocol decides the format. */
  formats?: string;
}

const FILE_FORMATS = "mov,mp4,mpegts,flv,matroska,webm,aac,h264";
export const SCHEME_RULES: Readonly<Record<string, SchemeRules>> = {
  http: { sourceType: "INTS", protocols: "http,https,httpproxy,tcp,tls,crypto,data", formats: `hls,${FILE_FORMATS}` },
  https: { sourceType: "INTS", protocols: "http,https,httpproxy,tcp,tls,crypto,data", formats: `hls,${FILE_FORMATS}` },
  srt: { sourceType: "INTS", protocols: "srt", formats: "mpegts" },
  file: { sourceType: "IFT", protocols: "file", formats: FILE_FORMATS },
};

/**
 * Enough to find both tracks of a live source, and a start within two seconds where one of them is announced and never
 * comes.
 */
const ANALYZE_MICROSECONDS = 2_000_000;
const PROBE_BYTES = 1_000_000;

/** The agent strings behind EMS's shorthands. */
const USER_AGENTS: ReadonlyMap<string, string> = new Map([
  ["evo", "EvoStream Media Server (www.evostream.com) player"],
  ["fmle", "FMLE/3.0 (compatible; FMSc/1.0)"],
  ["wirecast", "Wirecast/FM 1.0 (compatible; FMSc/1.0)"],
  ["flash", "MAC 11,3,300,265"],
]);

/** Options that stand in front of `-i`. */
export function inputOptions(request: SourceRequest, scheme: string, timeoutMs: number): string[] {
  const rules = SCHEME_RULES[scheme];
  const timeoutMicroseconds = String(timeoutMs * 1000);
  const options = [
    "-nostdin",
    "-hide_banner",
    "-loglevel",
    "warning",
    "-analyzeduration",
    String(ANALYZE_MICROSECONDS),
    "-probesize",
    String(PROBE_BYTES),
  ];
  if (rules) options.push("-protocol_whitelist", rules.protocols);
  if (rules?.formats) options.push("-format_whitelist", rules.formats);
  const isHttp = scheme === "http" || scheme === "https";
  if (isHttp) options.push("-rw_timeout", timeoutMicroseconds);
  const agent = userAgent(request.emulateUserAgent);
  if (isHttp && agent !== "") options.push("-user_agent", agent);
  if (scheme === "file") options.push("-re");
  if (request.rangeStart > 0) options.push("-ss", String(request.rangeStart));
  return options;
}

/**
 * Without line breaks, behind which a header of its own would begin, and without leading dashes, which make an option.
 */
function userAgent(wanted: string): string {
  return (
    (USER_AGENTS.get(wanted.toLowerCase()) ?? wanted)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the purpose
      .replace(/[\u0000-\u001f\u007f]/g, " ")
      .replace(/^[-\s]+/, "")
  );
}

/**
 * Options behind the ones that node-rtsp-stream puts there itself; a later one wins, so its MPEG-1 encoding becomes a
 * copy. No muxing delay: the times are given out as they are, and the packets at once.
 */
export const OUTPUT_OPTIONS: Readonly<Record<string, string>> = {
  "-codec:v": "copy",
  "-codec:a": "copy",
  "-sn": "",
  "-dn": "",
  "-muxdelay": "0",
  "-muxpreload": "0",
  "-flush_packets": "1",
};
