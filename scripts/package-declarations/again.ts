// What others made, exported once more: every type has to be named without an import of this module's own.
import * as exported from "./exported.js"

export const {
  Album,
  Fleet,
  File,
  Memory,
  Resize,
  Tests,
  Working,
  enqueue,
  explain,
  giveUp,
  later,
  list,
  others,
  pictures,
  run,
  services
} = exported
