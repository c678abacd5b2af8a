/**
 * What becomes of a session that has not renewed its lease. Standing still is not dying: a process that is stopped, or
 * was continued a moment ago, may keep what its tasks let it keep; one that is gone keeps nothing.
 * `docs/decisions/0018-standing-still.md`.
 */

/** `holds`: within its lease. `suspended`: beyond it, and spared. `lost`: whoever looks may take its jobs. */
export type Standing = "holds" | "suspended" | "lost"

export interface Silence {
  /** Since its last renewal, by a clock that nobody sets. */
  readonly silentMs: number
  readonly leaseMs: number
  /** `undefined`: it lives where nobody here can look. */
  readonly process: "running" | "stopped" | "gone" | undefined
  /** How long its process has been seen to run without a renewal; 0: now for the first time. */
  readonly runsSilentMs: number
  /** How long a process that stands still keeps its jobs, from its last renewal. */
  readonly suspendedForMs: number
}

export const standing = ({ leaseMs, process, runsSilentMs, silentMs, suspendedForMs }: Silence): Standing => {
  if (process === "gone") return "lost"
  if (silentMs < leaseMs) return "holds"
  if (process === undefined || silentMs >= suspendedForMs) return "lost"
  return process === "stopped" || runsSilentMs < leaseMs ? "suspended" : "lost"
}
