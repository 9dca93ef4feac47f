// The frame: who looks, where they are, what the server does as a whole.

import { useEffect } from "preact/hooks";
import { place } from "./lib/location.js";
import { Configs } from "./pages/configs.js";
import { Events } from "./pages/events.js";
import { Login } from "./pages/login.js";
import { Now } from "./pages/now.js";
import { Recordings } from "./pages/recordings.js";
import { Stream } from "./pages/stream.js";
import { System } from "./pages/system.js";
import { Header } from "./parts/header.js";
import { Navigation } from "./parts/navigation.js";
import { startLive } from "./state/live.js";
import { askSession, session } from "./state/session.js";

/** Until the server answers for the first time. */
const RETRY_MS = 2000;

export function App() {
  const role = session.value?.role;
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    const ask = (): void => {
      askSession().catch(() => {
        timer = setTimeout(ask, RETRY_MS);
      });
    };
    ask();
    return () => clearTimeout(timer);
  }, []);
  useEffect(() => (role ? startLive() : undefined), [role]);
  if (session.value === undefined) return <p class="starting">Asking the server …</p>;
  if (!role) return <Login />;
  return (
    <div class="frame">
      <button type="button" class="skip" onClick={toContent}>
        Skip to the page
      </button>
      <Navigation />
      <div class="stage">
        <Header />
        <main id="content" tabIndex={-1}>
          <Page />
        </main>
      </div>
    </div>
  );
}

/** No link: the fragment is the viewer's place. */
function toContent(): void {
  document.getElementById("content")?.focus();
}

function Page() {
  const [name, detail] = place.value.parts;
  if (name === "streams" && detail !== undefined) return <Stream key={detail} name={detail} />;
  if (name === "recordings") return <Recordings />;
  if (name === "configs") return <Configs />;
  if (name === "events") return <Events />;
  if (name === "system") return <System />;
  return <Now />;
}
