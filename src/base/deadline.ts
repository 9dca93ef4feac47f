// Waits with a deadline: a stop must not depend on a disk that hangs or a client that does not read.

/** Resolves when the work is done or the time is over, whichever comes first. The work itself goes on. */
export async function waitAtMost(work: Promise<unknown>, deadlineMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, deadlineMs);
  });
  try {
    await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
