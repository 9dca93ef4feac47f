// A part whose code is loaded when it is first shown. Until then its place is empty.

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

export function lazy<Props extends object>(load: () => Promise<ComponentType<Props>>): ComponentType<Props> {
  let loaded: ComponentType<Props> | undefined;
  return function Lazy(props: Props) {
    const [, setLoaded] = useState(loaded !== undefined);
    useEffect(() => {
      if (loaded) return;
      load().then(
        (part) => {
          loaded = part;
          setLoaded(true);
        },
        () => {},
      );
    }, []);
    const Part = loaded;
    return Part ? <Part {...props} /> : <div class="loading" />;
  };
}
