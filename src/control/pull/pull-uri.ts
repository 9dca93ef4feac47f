// The parts of a source's URI as pullStream's reply shows them (ems-record-spec §2.2). Credentials appear masked only.

import { isIP } from "node:net";
import { maskQuery, maskUri } from "../../base/credentials.js";
import type { ValueObject } from "../replies/reply.js";

export interface PullUri {
  scheme: string;
  userName: string;
  password: string;
  /** Without the brackets of an IPv6 address. */
  host: string;
  port: number;
  isPortGiven: boolean;
  /** With its leading slash, without parameters. */
  path: string;
  /** With its leading `?`, or empty. */
  query: string;
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = {
  rtmp: 1935,
  rtmps: 443,
  rtsp: 554,
  rtsps: 322,
  http: 80,
  https: 443,
};
const URI =
  /^([a-z][a-z0-9+.-]*):\/\/(?:([^/?#]*)@)?(\[[0-9a-f:.]+\]|[^/:?#@[\]\s]*)(?::(\d{1,5}))?(\/[^?]*)?(\?.*)?$/is;

/** Undefined for a text that is no URI of a stream. */
export function parsePullUri(text: string): PullUri | undefined {
  const parts = URI.exec(text);
  if (!parts) return undefined;
  const [, scheme = "", userInfo = "", host = "", port, path = "", query = ""] = parts;
  if (host === "" && scheme.toLowerCase() !== "file") return undefined;
  if (port !== undefined && Number(port) > 65535) return undefined;
  const colon = userInfo.indexOf(":");
  return {
    scheme: scheme.toLowerCase(),
    userName: colon < 0 ? userInfo : userInfo.slice(0, colon),
    password: colon < 0 ? "" : userInfo.slice(colon + 1),
    host: host.replace(/^\[|\]$/g, ""),
    port: port === undefined ? (DEFAULT_PORTS[scheme.toLowerCase()] ?? 0) : Number(port),
    isPortGiven: port !== undefined,
    path,
    query,
  };
}

function parseQuery(query: string): Record<string, string> {
  const parameters: Record<string, string> = Object.create(null);
  for (const pair of query.slice(1).split("&")) {
    const equals = pair.indexOf("=");
    if (pair !== "") parameters[equals < 0 ? pair : pair.slice(0, equals)] = equals < 0 ? "" : pair.slice(equals + 1);
  }
  return parameters;
}

export function uriObject(text: string, uri: PullUri): ValueObject {
  const slash = uri.path.lastIndexOf("/");
  const document = uri.path.slice(slash + 1);
  const host = uri.host.includes(":") ? `[${uri.host}]` : uri.host;
  const authority = `${host}${uri.isPortGiven ? `:${uri.port}` : ""}`;
  const query = maskQuery(uri.query);
  const masked = maskUri(text);
  return {
    document,
    documentPath: uri.path.slice(0, slash + 1),
    documentWithFullParameters: document + query,
    fullDocumentPath: uri.path,
    fullDocumentPathWithParameters: uri.path + query,
    fullParameters: query,
    fullUri: `${uri.scheme}://${authority}${uri.path}${query}`,
    fullUriWithAuth: masked,
    generatedPort: !uri.isPortGiven,
    host: uri.host,
    ip: isIP(uri.host) ? uri.host : "",
    originalUri: masked,
    parameters: parseQuery(query),
    password: uri.password === "" ? "" : "***",
    port: uri.port,
    portSpecified: uri.isPortGiven,
    scheme: uri.scheme,
    userName: uri.userName,
  };
}
