// What a recorder needs to know of a sound track, whatever its codec.

export interface AudioConfig {
  /** Hz, of the core; of the track's clock. */
  sampleRate: number;
  channels: number;
  /** Of a usual frame. */
  samplesPerFrame: number;
  /** AAC: of the core, 2 = AAC-LC; 0 for others. */
  objectType: number;
  /** AAC: sampling_frequency_index of the core, 15 = written out; 0 for others. */
  rateIndex: number;
}
