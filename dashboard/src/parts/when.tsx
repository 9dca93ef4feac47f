// Times in the viewer's zone, with the server's beside them where the two differ.

import { useEffect, useState } from "preact/hooks";
import { clockTime, day, offsetName, ownOffset } from "../lib/format.js";
import { server } from "../state/live.js";

export function When({ at, withDay = false }: { at: number | string; withDay?: boolean }) {
  const ms = typeof at === "number" ? at : Date.parse(at);
  const own = ownOffset(ms);
  const theirs = server.value?.utcOffset;
  return (
    <time class="when" dateTime={new Date(ms).toISOString()}>
      {withDay && <span class="day">{day(ms, own)} </span>}
      {clockTime(ms, own)}
      {theirs !== undefined && theirs !== own && (
        <span class="theirs" title={`by the server's clock, ${offsetName(theirs)}`}>
          {clockTime(ms, theirs)}
        </span>
      )}
    </time>
  );
}

/** Both clocks, with the name of the server's zone where it is another one. */
export function Clocks() {
  const [nowMs, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const theirs = server.value?.utcOffset;
  const own = ownOffset(nowMs);
  return (
    <span class="clocks">
      <span title={`your clock, ${offsetName(own)}`}>{clockTime(nowMs, own)}</span>
      {theirs !== undefined && theirs !== own && (
        <span class="theirs" title="by the server's clock">
          {clockTime(nowMs, theirs)} {offsetName(theirs)}
        </span>
      )}
    </span>
  );
}
