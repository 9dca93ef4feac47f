import { useEffect, useState } from "preact/hooks";

const PHONE = "(max-width: 720px)";

export function useIsPhone(): boolean {
  const [is, setIs] = useState(() => window.matchMedia(PHONE).matches);
  useEffect(() => {
    const query = window.matchMedia(PHONE);
    const look = (): void => setIs(query.matches);
    query.addEventListener("change", look);
    return () => query.removeEventListener("change", look);
  }, []);
  return is;
}
