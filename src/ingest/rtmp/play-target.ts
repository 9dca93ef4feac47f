// Where an RTMP URI leads: server, application and stream name.
//
//   rtmp://user:password@host:1935/app/instance/name?token=x      app "app/instance", name "name?token=x"
//   rtmp://host/vod/mp4:folder/film.mp4                           app "vod", name "mp4:folder/film.mp4"
//   rtmp://host/app?vhost=a/name                                  app "app?vhost=a", name "name"

import { ReelError } from "../../base/reel-error.js";
import { hostOf, schemeOf } from "../source-uri.js";

export interface PlayTarget {
  isSecure: boolean;
  host: string;
  port: number;
  app: string;
  /** Stream name, with its query. */
  name: string;
  /** Scheme, host and application, as `connect` tells them. */
  tcUrl: string;
  user: string;
  password: string;
}

const DEFAULT_PORTS = { rtmp: 1935, rtmps: 443 } as const;
/** Names of files on a media server may have folders. */
const FILE_NAME = /\/(?=(?:mp4|flv|mp3|f4v):)/;

/** Throws ReelError `badArgument` where there is no application or no name. */
export function parsePlayTarget(uri: URL): PlayTarget {
  const isSecure = schemeOf(uri) === "rtmps";
  const { app, name } = splitPath(uri);
  if (uri.hostname === "" || app === "" || name === "")
    throw new ReelError("badArgument", "an RTMP source is named as rtmp://host/application/stream");
  const scheme = isSecure ? "rtmps" : "rtmp";
  return {
    isSecure,
    host: hostOf(uri),
    port: uri.port === "" ? DEFAULT_PORTS[scheme] : Number(uri.port),
    app,
    name,
    tcUrl: `${scheme}://${uri.host}/${app}`,
    user: decoded(uri.username),
    password: decoded(uri.password),
  };
}

/** Where a server sends us: to another application, or to a stream with its name. Undefined where it is no RTMP URI. */
export function redirectedTarget(from: PlayTarget, redirect: string): PlayTarget | undefined {
  if (!/^rtmps?:\/\//i.test(redirect) || !URL.canParse(redirect)) return undefined;
  const uri = new URL(redirect);
  const [plainName = ""] = from.name.split("?", 1);
  const path = uri.pathname.replace(/\/+$/, "");
  // Without the name it is the application's URI, as Flash Media Server gives it.
  if (!path.endsWith(`/${plainName}`)) {
    const [, query] = from.name.split(/\?(.*)/s);
    uri.pathname = `${path}/${plainName}`;
    if (query !== undefined && uri.search === "") uri.search = query;
  }
  try {
    return { ...parsePlayTarget(uri), user: from.user, password: from.password };
  } catch {
    return undefined;
  }
}

function splitPath({ pathname, search }: URL): { app: string; name: string } {
  const path = pathname.slice(1);
  const file = FILE_NAME.exec(path);
  const slash = file ? file.index : path.lastIndexOf("/");
  if (slash > 0) return { app: path.slice(0, slash), name: path.slice(slash + 1) + search };
  const inQuery = search.lastIndexOf("/");
  return inQuery < 0
    ? { app: path, name: "" }
    : { app: path + search.slice(0, inQuery), name: search.slice(inQuery + 1) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
