// The player without what recordings do not have (subtitles, encryption). The package has types for the whole alone.
declare module "hls.js/light" {
  export { default } from "hls.js";
}
