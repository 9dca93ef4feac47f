// Who looks at the dashboard. Until that is known nothing else is asked.

import { computed, signal } from "@preact/signals";
import { get, post, remove } from "./api.js";
import type { SessionState } from "./server-types.js";

/** Undefined until the server has answered. */
export const session = signal<SessionState | undefined>(undefined);
export const isOwner = computed(() => session.value?.role === "owner");

const PATH = "/api/session";

export async function askSession(): Promise<void> {
  session.value = await get<SessionState>(PATH);
}

export async function logIn(credentials: Readonly<Record<string, string>>): Promise<void> {
  session.value = await post<SessionState>(PATH, credentials);
}

export async function logOut(): Promise<void> {
  session.value = await remove<SessionState>(PATH);
}
