// Whether anybody can see the page: what is hidden asks the server for nothing.

import { signal } from "@preact/signals";

export const isVisible = signal(document.visibilityState === "visible");

document.addEventListener("visibilitychange", () => {
  isVisible.value = document.visibilityState === "visible";
});
