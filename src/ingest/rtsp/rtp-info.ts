// The RTP-Info header of a PLAY reply (RFC 2326 §12.33): with which packet and which RTP time each medium begins.

export interface RtpInfo {
  /** As the server writes it; empty where it names none. */
  readonly url: string;
  /** Undefined where it is not said, or no number of that size. */
  readonly sequenceNumber: number | undefined;
  readonly rtpTime: number | undefined;
}

export function parseRtpInfo(header: string): RtpInfo[] {
  if (header.trim() === "") return [];
  // URLs may hold commas and semicolons; a medium begins with its URL.
  return header.split(/,(?=\s*url=)/i).map((part) => ({
    url: /url=(.*?)(?:;\s*(?:seq|rtptime)=|$)/is.exec(part)?.[1]?.trim().replace(/^"|"$/g, "") ?? "",
    sequenceNumber: numberOf(/seq=(\d{1,10})/i.exec(part)?.[1], 0xffff),
    rtpTime: numberOf(/rtptime=(\d{1,10})/i.exec(part)?.[1], 0xffffffff),
  }));
}

/** What is said about each of the media; servers write URLs in full, in part, or leave them out. */
export function infoOf(infos: readonly RtpInfo[], uris: readonly string[]): (RtpInfo | undefined)[] {
  return uris.map((uri, index) => {
    const named = infos.find(({ url }) => url !== "" && url === uri);
    const alike = named ?? infos.find(({ url }) => url !== "" && lastSegment(url) === lastSegment(uri));
    return alike ?? (infos.length === uris.length ? infos[index] : undefined);
  });
}

function lastSegment(uri: string): string {
  return uri.slice(uri.lastIndexOf("/") + 1);
}

function numberOf(text: string | undefined, max: number): number | undefined {
  const number = Number(text ?? Number.NaN);
  return number <= max ? number : undefined;
}
