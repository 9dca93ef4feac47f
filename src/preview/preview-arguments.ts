// What ffmpeg is told for a preview: MPEG-1 video without sound in MPEG-TS, as JSMpeg decodes it in JavaScript. The
// camera is read over TCP where it can do that.

/** JSMpeg decodes 720p on a phone; a preview is smaller, for the sake of this machine. */
export const DEFAULT_PREVIEW_WIDTH = 640;
const KILOBITS_PER_SECOND = 1500;
/** MPEG-1 knows few frame rates (ISO/IEC 11172-2 §2.4.3.2). */
const FRAMES_PER_SECOND = "25";

/** Options in front of `-i`. A network operation of ffmpeg's may take `timeoutMs`. */
export function previewInput(timeoutMs: number): string[] {
  return [
    "-nostdin",
    "-hide_banner",
    ...["-loglevel", "error"],
    ...["-protocol_whitelist", "rtsp,rtsps,rtp,udp,tcp,tls,crypto"],
    ...["-rtsp_flags", "prefer_tcp"],
    ...["-timeout", String(timeoutMs * 1000)],
    ...["-fflags", "nobuffer"],
    ...["-analyzeduration", "1000000"],
    ...["-probesize", "500000"],
  ];
}

/** Options behind the ones that node-rtsp-stream puts there itself (`-f mpegts -codec:v mpeg1video`). */
export function previewOutput(width: number): Record<string, string> {
  return {
    "-an": "",
    "-sn": "",
    "-dn": "",
    "-vf": `scale='min(${width},iw)':-2`,
    "-r": FRAMES_PER_SECOND,
    // A viewer who comes later sees a picture within half a second.
    "-g": "12",
    "-bf": "0",
    "-b:v": `${KILOBITS_PER_SECOND}k`,
    "-threads": "1",
    "-muxdelay": "0",
    "-muxpreload": "0",
    "-flush_packets": "1",
  };
}
