// How streams are pulled and recorded: what a command asks for, and what a config holds then.

/** Names beginning with `_`. */
export type UserVariables = { [name: `_${string}`]: string };

export interface RecordSettings extends UserVariables {
  chunkLength: number;
  computedPathToFile: string;
  configId: number;
  copyTo?: string;
  dateFolderStructure: boolean;
  durability?: "none" | "close" | "interval";
  /** Seconds below zero; missing where it begins with the command. */
  from?: number | "lastRandomAccessPoint";
  hasAudio: boolean;
  keepAlive: boolean;
  localStreamName: string;
  manifest?: boolean;
  mp4BinPath?: string;
  operationType: number;
  overwrite: boolean;
  pathToFile: string;
  preset: number;
  /** Missing where it is the default. */
  priority?: number;
  /** What is kept of its files; missing where the server's default says it. */
  retainBytes?: number;
  retainFor?: "config" | "stream" | "rule";
  retainFreeBytes?: number;
  retainFreePercent?: number;
  retainSeconds?: number;
  retainSegments?: number;
  /** The rule that made it. */
  ruleId?: number;
  type: "mp4" | "ts" | "flv";
  /** Missing where the server's default says it. */
  upload?: boolean;
  waitForIDR: boolean;
  winQtCompat: boolean;
  zone?: string;
  alignTo?: number;
  maxBytes?: number;
  duration?: number;
  schedule?: string;
}

/** How something is recorded. */
export interface RecordingParameters {
  pathToFile: string;
  type?: "mp4" | "ts" | "flv";
  overwrite?: boolean;
  chunkLength?: number;
  waitForIDR?: boolean;
  winQtCompat?: boolean;
  dateFolderStructure?: boolean;
  hasAudio?: boolean;
  preset?: number;
  durability?: "default" | "none" | "close" | "interval";
  from?: number | "lastRandomAccessPoint";
  retainSeconds?: number;
  retainBytes?: number;
  retainFor?: "config" | "stream" | "rule";
  retainSegments?: number;
  retainFreeBytes?: number;
  retainFreePercent?: number;
  copyTo?: string;
  manifest?: boolean;
  upload?: boolean;
  priority?: number;
  zone?: string;
  alignTo?: number;
  maxBytes?: number;
  duration?: number;
  schedule?: string;
}

export interface PullSettingsData extends UserVariables {
  configId: number;
  localStreamName: string;
  keepAlive: boolean;
  forceTcp: boolean;
  operationType: number;
  /** Password masked. */
  uri: string;
}

/** pullStream's own reply has the URI in parts. */
export type PullReply = Omit<PullSettingsData, "uri"> & { uri: Record<string, unknown> };
