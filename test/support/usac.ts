// xHE-AAC made by hand, field by field from ISO/IEC 23003-3 §5.2 and §5.3, since no encoder here makes it: one channel,
// no SBR, and frames of silence that a decoder takes.

import { BitWriter } from "./bit-writer.js";

export interface UsacSpec {
  /** coreSbrFrameLengthIndex: 0 is 768 samples a frame, 1 is 1024. */
  lengthIndex: number;
  /** usacConfigExtensionPresent, with loudness of so many bytes. */
  extensionBytes?: number;
}

/** An AudioSpecificConfig of 48 kHz. */
export function usacSpecificConfig({ lengthIndex, extensionBytes }: UsacSpec): BitWriter {
  const w = new BitWriter()
    .u(5, 31)
    .u(6, 42 - 32)
    .u(4, 3)
    .u(4, 1); // audioObjectType, rate, channelConfiguration
  w.u(5, 3).u(3, lengthIndex).u(5, 1); // usacSamplingFrequencyIndex, coreSbrFrameLengthIndex, channelConfigurationIndex
  w.u(4, 0).u(2, 0).u(1, 0).u(1, 0); // one element: ID_USAC_SCE, tw_mdct, noiseFilling
  w.u(1, extensionBytes === undefined ? 0 : 1);
  if (extensionBytes === undefined) return w;
  w.u(2, 0).u(4, 2).u(4, extensionBytes); // one extension: ID_CONFIG_EXT_LOUDNESS_INFO, usacConfigExtLength
  for (let i = 0; i < extensionBytes; i++) w.u(8, 0);
  return w;
}

/** UsacFrame: frequency domain, no spectrum. `gain` makes one differ from another and is not heard. */
export function silentUsacFrame(gain: number): Uint8Array {
  const w = new BitWriter().u(1, 1); // usacIndependencyFlag
  w.u(1, 0).u(1, 0); // core_mode, tns_data_present
  w.u(8, gain & 255); // global_gain
  w.u(2, 0).u(1, 0).u(6, 0); // window_sequence, window_shape, max_sfb
  return w.u(1, 0).bytes(); // fac_data_present
}
