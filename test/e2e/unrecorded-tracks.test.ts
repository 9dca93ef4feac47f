// Tracks that are not recorded, from real encoders over MPEG-TS and RTMP: the stream, the config, the gap event and the
// closing report name them.

import { afterAll, expect, it } from "vitest";
import { Publisher, stopPublishers } from "../support/publisher.js";
import { Control, ReelProcess, stopServers } from "../support/reel-server.js";
import { until } from "../support/until.js";

interface Named {
  codec: string;
  track: string | null;
}
interface StreamData {
  name: string;
  unrecorded?: Named[];
}

const VIDEO = ["-f", "lavfi", "-i", "testsrc2=size=160x96:rate=25:duration=4"];
const AUDIO = ["-f", "lavfi", "-i", "sine=sample_rate=48000:duration=4"];
const H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-pix_fmt", "yuv420p"];
const DTS = ["-c:a", "dca", "-strict", "-2", "-ac", "2"];
const MPEG2 = ["-c:v", "mpeg2video", "-g", "25"];

// Each has a server of its own, and waits for media time: they run side by side.
afterAll(async () => {
  await stopPublishers();
  await stopServers();
});

async function start(): Promise<{ server: ReelProcess; control: Control }> {
  const server = await ReelProcess.start({ args: ["--ts", "127.0.0.1:0"] });
  return { server, control: await Control.connect(server) };
}

function publish(url: string, format: string, ...codecs: readonly string[]): Publisher {
  return new Publisher(["-v", "error", "-nostdin", "-re", ...VIDEO, "-re", ...AUDIO, ...codecs, "-f", format, url]);
}

async function recordAs(control: Control, name: string): Promise<void> {
  await control.succeed(`record localStreamName=${name} pathToFile=${name} type=mp4 keepAlive=1`);
}

/** Of the stream, while it is there. */
function shown(control: Control, name: string): Promise<Named[]> {
  return until(`${name} shows what is not recorded`, async () => {
    const streams = (await control.succeed("listStreams")) as unknown as StreamData[] | null;
    return streams?.find((stream) => stream.name === name)?.unrecorded;
  });
}

async function statusOf(control: Control, name: string): Promise<Named[] | undefined> {
  const { record } = (await control.succeed("listConfig")) as unknown as {
    record: { localStreamName: string; status: { current: { unrecorded?: Named[] } } }[];
  };
  return record.find((config) => config.localStreamName === name)?.status.current.unrecorded;
}

const gapsOf = (control: Control, type: string, name: string): unknown[] =>
  control
    .of(type)
    .filter(({ payload }) => payload.localStreamName === name)
    .flatMap(({ payload }) => (type === "recordGap" ? [payload.gap] : (payload.gaps as unknown[])))
    .filter((gap) => (gap as { cause: string }).cause === "unsupportedTrack");

const gap = ({ codec, track }: Named): object => ({
  ...{ cause: "unsupportedTrack", codec, track, frames: 0, bytes: 0, durationMs: 0 },
  dtsMs: expect.any(Number) as number,
});

it.concurrent("are named for every codec of a transport stream", { timeout: 60_000 }, async () => {
  const { server, control } = await start();
  const cases: [Named, ...string[]][] = [
    [{ codec: "DTS", track: "audio" }, ...H264, ...DTS],
    [{ codec: "SMPTE 302M audio", track: "audio" }, ...H264, "-c:a", "s302m", "-strict", "-2", "-ac", "2"],
  ];
  const names = cases.map((_, i) => `ts${i + 1}`);
  for (const name of names) await recordAs(control, name);
  for (const [i, [named, ...codecs]] of cases.entries()) {
    publish(`tcp://${server.addresses.ts}`, "mpegts", ...codecs);
    const name = names[i] as string;
    expect(await shown(control, name)).toEqual([named]);
    expect(await statusOf(control, name)).toEqual([named]);
  }
  await control.wait("recordChunkClosed", cases.length);
  for (const [i, [named]] of cases.entries()) {
    const name = names[i] as string;
    expect(gapsOf(control, "recordChunkClosed", name), named.codec).toEqual([gap(named)]);
    expect(gapsOf(control, "recordGap", name), named.codec).toEqual([gap(named)]);
    await until("the config says no more of it", async () =>
      (await statusOf(control, name)) === undefined ? true : undefined,
    );
  }
});

it.concurrent("are told of a stream that has nothing else, which is refused", async () => {
  const { server, control } = await start();
  await recordAs(control, "ts1");
  publish(`tcp://${server.addresses.ts}`, "mpegts", ...MPEG2, ...DTS);
  const both: Named[] = [
    { codec: "MPEG-2 video", track: "video" },
    { codec: "DTS", track: "audio" },
  ];
  expect(await shown(control, "ts1")).toEqual(both);
  expect(await statusOf(control, "ts1")).toEqual(both);
  await control.wait("recordGap", 2);
  expect(gapsOf(control, "recordGap", "ts1")).toEqual(both.map(gap));
  expect(control.of("recordGap").map(({ payload }) => payload.file)).toEqual(["", ""]);
  await control.wait("recordChunkError");
  expect(control.of("recordChunkError").map(({ payload }) => [payload.file, payload.error])).toEqual([
    ["", "ts1 has MPEG-2 video and DTS, which cannot be recorded"],
  ]);
  expect(await statusOf(control, "ts1")).toEqual(both);
  await until("the config says no more of it", async () =>
    (await statusOf(control, "ts1")) === undefined ? true : undefined,
  );
});

it.concurrent("of video are no reason for a file of sound alone: the stream is refused", async () => {
  const { server, control } = await start();
  await recordAs(control, "ts1");
  publish(`tcp://${server.addresses.ts}`, "mpegts", ...MPEG2, "-c:a", "aac");
  const [refused] = await control.wait("recordChunkError");
  expect(refused?.payload).toMatchObject({ file: "", error: "ts1 has MPEG-2 video, which cannot be recorded" });
  await control.wait("inStreamClosed");
  expect(control.of("recordChunkCreated")).toEqual([]);
});

// No muxer of MPEG-TS has a form for them that others read: ffmpeg writes a private stream without a descriptor.
it.concurrent("of AV1 and VP9 in a transport stream are nameless data: told beside sound, refused alone", async () => {
  const { server, control } = await start();
  const [withSound, alone] = ["ts1", "ts2"] as const;
  for (const name of [withSound, alone]) await recordAs(control, name);
  const data: Named = { codec: "private data that nothing names, as AV1 and VP9 come from ffmpeg", track: null };
  const url = `tcp://${server.addresses.ts}`;
  publish(url, "mpegts", "-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-c:a", "aac");
  expect(await shown(control, withSound)).toEqual([data]);
  publish(url, "mpegts", "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-an");
  const [refused] = await control.wait("recordChunkError");
  expect(refused?.payload).toMatchObject({ localStreamName: alone, file: "" });
  expect(refused?.payload.error).toBe(`ts2 has ${data.codec}, which cannot be recorded`);
  const [closed] = await control.wait("recordChunkClosed");
  expect(closed?.payload).toMatchObject({ localStreamName: withSound });
  for (const type of ["recordGap", "recordChunkClosed"])
    expect(gapsOf(control, type, withSound), type).toEqual([gap(data)]);
});

it.concurrent("are named for RTMP", async () => {
  const { server, control } = await start();
  await recordAs(control, "cam1");
  const adpcm: Named = { codec: "ADPCM", track: "audio" };
  publish(server.rtmpUrl("cam1"), "flv", ...H264, "-c:a", "adpcm_swf", "-ar", "22050", "-ac", "1");
  expect(await shown(control, "cam1")).toEqual([adpcm]);
  expect(await statusOf(control, "cam1")).toEqual([adpcm]);
  await control.wait("recordChunkClosed");
  expect(gapsOf(control, "recordChunkClosed", "cam1")).toEqual([gap(adpcm)]);
  expect(gapsOf(control, "recordGap", "cam1")).toEqual([gap(adpcm)]);
});
