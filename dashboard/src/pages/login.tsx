import { useState } from "preact/hooks";
import { Icon } from "../parts/icon.js";
import { messageOf } from "../state/api.js";
import { logIn } from "../state/session.js";

export function Login() {
  const [failure, setFailure] = useState("");
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const user = String(form.get("user") ?? "").trim();
    const secret = String(form.get("secret") ?? "");
    setBusy(true);
    setFailure("");
    try {
      await logIn(user === "" ? { token: secret } : { user, password: secret });
    } catch (error) {
      setFailure(messageOf(error));
      setBusy(false);
    }
  };
  return (
    <main class="login">
      <form class="card" onSubmit={(event) => void submit(event)}>
        <h1>
          <Icon name="brand" /> Reel
        </h1>
        <p class="muted">With user and password, or with a token alone.</p>
        <label>
          User
          <input name="user" autocomplete="username" />
        </label>
        <label>
          Password or token
          <input name="secret" type="password" autocomplete="current-password" required />
        </label>
        <p class="failure" role="alert">
          {failure}
        </p>
        <button type="submit" class="main" disabled={isBusy}>
          Log in
        </button>
      </form>
    </main>
  );
}
