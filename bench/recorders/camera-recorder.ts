// What the camera benchmark needs of a recorder: to be started, to be told which cameras to record, and to say which
// file holds which camera. Each peer is a file of its own beside this one.

/** Where a camera is, by its name. */
export type Cameras = ReadonlyMap<string, string>;

export interface RunningRecorder {
  /** With its version and what of its configuration matters. */
  title: string;
  /** All its processes; their children count too. */
  pids(): readonly number[];
  /** Begins to record, each camera into a file that grows and survives a crash. */
  record(cameras: Cameras): Promise<void>;
  filesOf(camera: string): string[];
  /** Resolves when every file is finished, after the cameras have said goodbye. */
  settled(): Promise<void>;
  stop(): Promise<void>;
}

export interface CameraRecorder {
  name: string;
  /** A process for each: only so many cameras are worth the machine, and the figure is per camera anyhow. */
  maxCameras: number;
  /** What is missing to run it, with the command that installs it. */
  missing(): string | undefined;
  /** `folder` is empty; for recordings, configuration and logs alike. */
  start(folder: string): Promise<RunningRecorder>;
}
