// How a segment became final.

/**
 * How the index of an MP4 came to the front: into the space that was reserved for it, into blocks inserted or left over
 * after others were cut out, or by a copy of the file. `none`: nothing was to be done (MPEG-TS, FLV, a segment that
 * holds nothing).
 */
export type FinishMethod = "reserved" | "inserted" | "collapsed" | "copied" | "none";
