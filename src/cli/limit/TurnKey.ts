import * as Effect from "effect/Effect"
import { LimitLayers, Limits } from "../../services/Limits/index.ts"

/** Pauses a key of a group, or lets it go on. */
export const turnKey = (how: "pause" | "resume", group: string, key: string) =>
  Limits.use((limits) => limits[how](group, key)).pipe(Effect.provide(LimitLayers.layer))
