// The part of JSMpeg that is used. Its module has no types.

declare module "@cycjimmy/jsmpeg-player" {
  /** Takes what a source brings. */
  export interface Demuxer {
    write(bytes: ArrayBuffer): void;
  }

  export interface Source {
    /** It is live: all that has come is shown at once. */
    readonly streaming: boolean;
    /** Something has come. */
    readonly established: boolean;
    /** 0 to 1, shown until then. */
    readonly progress: number;
    readonly completed: boolean;
    connect(demuxer: Demuxer): void;
    start(): void;
    resume(secondsAhead: number): void;
    destroy(): void;
  }

  export interface PlayerOptions {
    canvas: HTMLCanvasElement;
    source: new () => Source;
    audio: false;
    disableGl: boolean;
    disableWebAssembly: boolean;
    pauseWhenHidden: boolean;
    /** Called after each picture. */
    onVideoDecode?: () => void;
  }

  const JSMpeg: {
    Player: new (url: string, options: PlayerOptions) => { destroy(): void };
  };
  export default JSMpeg;
}
