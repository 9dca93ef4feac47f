// Debian's Chromium, driven by Playwright, on the dashboard of a server. What the page complains of is kept: a style or
// a script that its policy forbids shows there.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { CHROMIUM_FLAGS } from "./chromium.js";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export interface Finding {
  readonly id: string;
  readonly impact: string;
  readonly targets: readonly string[];
}

export interface VisitOptions extends BrowserContextOptions {
  /** Called before the page is loaded. */
  prepare?(page: Page): Promise<void>;
}

export class DashboardBrowser {
  readonly complaints: string[] = [];

  private constructor(
    private readonly browser: Browser,
    private readonly url: string,
  ) {}

  static async open(url: string): Promise<DashboardBrowser> {
    // Playwright adds --headless and a profile of its own.
    const launched = await chromium.launch({ executablePath: "/usr/bin/chromium", args: [...CHROMIUM_FLAGS] });
    return new DashboardBrowser(launched, url);
  }

  /** A page of its own, with its own cookies. */
  async visit(hash = "", { prepare, ...options }: VisitOptions = {}): Promise<Page> {
    const context = await this.browser.newContext({
      viewport: { width: 1280, height: 800 },
      // A colour on its way to another one is a finding.
      reducedMotion: "reduce",
      ...options,
    });
    context.setDefaultTimeout(20_000);
    const page = await context.newPage();
    page.on("pageerror", (error) => this.complaints.push(error.message));
    page.on("console", (message) => {
      // The browser writes every refused request there, also those that a player sends again.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
        this.complaints.push(message.text());
    });
    await prepare?.(page);
    await page.goto(this.url + hash);
    return page;
  }

  async close(): Promise<void> {
    await this.browser.close();
  }
}

/** Goes there without loading the page again. */
export async function go(page: Page, hash: string): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
}

/** What axe-core finds serious or critical (WCAG 2 A and AA, and good practice). */
export async function seriousFindings(page: Page): Promise<Finding[]> {
  await page.evaluate(AXE);
  const found = await page.evaluate<{ id: string; impact: string; nodes: { target: string[] }[] }[]>(
    "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations)",
  );
  return found
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, impact, nodes }) => ({ id, impact, targets: nodes.map(({ target }) => target.join(" ")) }));
}
