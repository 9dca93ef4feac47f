// docs/metrics.md, generated from what a server with a stream and a recording really answers.

import type { Sample } from "../src/base/samples.js";

const LEAD = `# Metrics
\`GET /metrics\` on the HTTP listener answers in Prometheus' text format. The checks are those of every route: name a token
or user and password where the listener has them.

\`\`\`yaml
scrape_configs:
  - job_name: reel
    static_configs: [{ targets: ["recorder:7777"] }]
    basic_auth: { username: reel, password_file: /etc/prometheus/reel-password }
\`\`\`

The name under which the scraper reaches Reel (here \`recorder\`) must be among \`control.allowHosts\`; an address need not. \`metrics.perStream: false\` leaves out the samples of
single streams and recordings, \`metrics.maxStreams\` (default 1000) bounds how many have some; what is gone has none any
more. A source that comes back goes on in the series of its stream and config, whose counters begin anew. \`reel_recording_file_info\` names the growing files, a new series for each, only with \`metrics.files: true\`. Beside these, \`process_*\` and \`nodejs_*\` are Node's own, from prom-client.
[grafana-dashboard.json](../packaging/grafana-dashboard.json) and [prometheus-alerts.yml](../packaging/prometheus-alerts.yml)
are there to start with.

| metric | type | labels | is |
|---|---|---|---|
`;

export function metricsMarkdown(samples: readonly Sample[]): string {
  const rows = new Map<string, { sample: Sample; labels: Set<string> }>();
  for (const sample of samples) {
    const row = rows.get(sample.name) ?? { sample, labels: new Set<string>() };
    for (const label of Object.keys(sample.labels)) row.labels.add(label);
    rows.set(sample.name, row);
  }
  const lines = [...rows.values()]
    .sort((a, b) => (a.sample.name < b.sample.name ? -1 : 1))
    .map(
      ({ sample: { name, type, help }, labels }) => `| \`${name}\` | ${type} | ${[...labels].join(", ")} | ${help} |`,
    );
  return `${LEAD}${lines.join("\n")}\n`;
}
