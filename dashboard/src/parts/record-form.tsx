import { useId, useState } from "preact/hooks";
import type { CommandParameters } from "../../../src/client/control-protocol.js";
import { configs, streams } from "../state/live.js";
import { CommandForm } from "./command-form.js";
import { Icon } from "./icon.js";

type Container = "mp4" | "ts" | "flv";

export function RecordButton({ stream = "" }: { stream?: string }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button type="button" class="main" onClick={() => setOpen(true)}>
        <Icon name="record" /> Record
      </button>
      {isOpen && <RecordForm stream={stream} onClose={() => setOpen(false)} />}
    </>
  );
}

function RecordForm({ stream, onClose }: { stream: string; onClose: () => void }) {
  const [name, setName] = useState(stream);
  const [path, setPath] = useState<string>();
  const [type, setType] = useState<Container>("mp4");
  const [minutes, setMinutes] = useState("10");
  const [keeps, setKeeps] = useState(true);
  const [days, setDays] = useState("");
  const names = useId();
  const parameters: CommandParameters["record"] = {
    localStreamName: name,
    pathToFile: path ?? name,
    type,
    ...(Number(minutes) > 0 && { chunkLength: Math.round(Number(minutes) * 60) }),
    ...(!keeps && { keepAlive: false }),
    ...(Number(days) > 0 && { retainSeconds: Math.round(Number(days) * 86_400) }),
  };
  const known = new Set([...(streams.value ?? []).map((live) => live.name), ...(configs.value ?? []).map(nameOf)]);
  return (
    <CommandForm title="Record a stream" name="record" parameters={parameters} action="Record" onClose={onClose}>
      <label>
        Stream
        <input
          value={name}
          required
          list={names}
          placeholder="its exact name; it need not be there yet"
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <datalist id={names}>
          {[...known].map((each) => (
            <option value={each} key={each} />
          ))}
        </datalist>
      </label>
      <label>
        File, below the media folder
        <input value={path ?? name} required onInput={(event) => setPath(event.currentTarget.value)} />
      </label>
      <div class="pair">
        <label>
          Container
          <select value={type} onChange={(event) => setType(event.currentTarget.value as Container)}>
            <option value="mp4">MP4</option>
            <option value="ts">MPEG-TS</option>
            <option value="flv">FLV</option>
          </select>
        </label>
        <label>
          Minutes per file
          <input
            type="number"
            min="0"
            step="any"
            value={minutes}
            placeholder="0: one file"
            onInput={(event) => setMinutes(event.currentTarget.value)}
          />
        </label>
        <label>
          Days to keep
          <input
            type="number"
            min="0"
            step="any"
            value={days}
            placeholder="as the server says"
            onInput={(event) => setDays(event.currentTarget.value)}
          />
        </label>
      </div>
      <label class="check">
        <input type="checkbox" checked={keeps} onChange={(event) => setKeeps(event.currentTarget.checked)} />
        Go on whenever the stream comes back, also after a restart
      </label>
    </CommandForm>
  );
}

function nameOf({ localStreamName }: { localStreamName: string }): string {
  return localStreamName;
}
