// Configs by their state, for metrics. Every state has its sample, so that a count that falls to zero is seen.

import { gauge, type Sample } from "../base/samples.js";
import {
  CONFIG_CONNECTED,
  CONFIG_CONNECTING,
  CONFIG_DISCONNECTED,
  CONFIG_FAILED,
  CONFIG_STREAMING,
  CONFIG_WAITING,
  type ConfigState,
  type ConfigStatusCode,
} from "./record-config.js";

export const CONFIG_STATE_NAMES: Readonly<Record<ConfigStatusCode, string>> = {
  [CONFIG_STREAMING]: "streaming",
  [CONFIG_CONNECTING]: "connecting",
  [CONFIG_WAITING]: "waiting",
  [CONFIG_CONNECTED]: "connected",
  [CONFIG_DISCONNECTED]: "disconnected",
  [CONFIG_FAILED]: "failed",
};

interface Config {
  readonly status: { readonly current: ConfigState };
}

export function stateSamples(
  name: string,
  help: string,
  possible: readonly ConfigStatusCode[],
  configs: readonly Config[],
): Sample[] {
  return possible.map((code) => {
    const count = configs.reduce((sum, { status }) => (status.current.code === code ? sum + 1 : sum), 0);
    return gauge(name, help, count, { state: CONFIG_STATE_NAMES[code] });
  });
}
