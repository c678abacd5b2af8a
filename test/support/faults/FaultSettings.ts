/** The settings of the fault suites: short, so that a lost lease is seen within seconds; and the bound they give. */
import { Duration } from "effect"
import { QueueSettings } from "../../../src/services/Queue/index.ts"

export const settings: QueueSettings.QueueSettings = {
  ...QueueSettings.defaults,
  lease: Duration.seconds(3),
  sweepInterval: Duration.seconds(1),
  pollInterval: Duration.millis(500),
  grace: Duration.seconds(3),
  ageingStepMs: 250
}

export const leaseMs = Duration.toMillis(settings.lease)
export const graceMs = Duration.toMillis(settings.grace)

/** A dead worker's job runs again within L + R + P + 1 s. */
export const recoveryBoundMs =
  leaseMs + Duration.toMillis(settings.sweepInterval) + Duration.toMillis(settings.pollInterval) + 1000

/** `SLUICE_LONG=reduced` asks for the shorter run that CI makes. */
export const isReduced = process.env.SLUICE_LONG === "reduced"

/** The hosts of the SQLite store: every suite holds on the store's own thread; some are repeated on the caller's. */
export const hosts = [
  { host: "its own thread", thread: true },
  { host: "the caller's thread", thread: false }
] as const
