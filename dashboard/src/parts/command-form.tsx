// A form for a command: it shows the line that it will send, so that whoever clicks learns what to script.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { CommandName, CommandParameters } from "../../../src/client/control-protocol.js";
import { command, commandLine, messageOf } from "../state/api.js";
import { refreshSoon } from "../state/live.js";
import { Dialog } from "./dialog.js";

export interface CommandFormProps<N extends CommandName> {
  readonly title: string;
  readonly name: N;
  readonly parameters: CommandParameters[N];
  /** On the button that sends. */
  readonly action: string;
  readonly isDangerous?: boolean;
  readonly children?: ComponentChildren;
  readonly onClose: () => void;
}

export function CommandForm<N extends CommandName>(props: CommandFormProps<N>) {
  const { title, name, parameters, action, isDangerous = false, children, onClose } = props;
  const [failure, setFailure] = useState("");
  const [isBusy, setBusy] = useState(false);
  const send = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setFailure("");
    try {
      await command(name, parameters);
      refreshSoon(0);
      onClose();
    } catch (error) {
      setFailure(messageOf(error));
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form class="form" onSubmit={(event) => void send(event)}>
        {children}
        <figure class="command">
          <figcaption>The command that is sent</figcaption>
          <code>{commandLine(name, parameters as Record<string, unknown>)}</code>
        </figure>
        <p class="failure" role="alert">
          {failure}
        </p>
        <div class="actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class={isDangerous ? "danger" : "main"} disabled={isBusy}>
            {action}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
