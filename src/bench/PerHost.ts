/**
 * A scenario of the SQLite store, once for each place where the store's calls can run. Targets bind the store as it is
 * shipped, in a thread of its own; on the caller's thread the same figures are context.
 */
import { cpuFigure, type Figure, type Scale, type Target, type Variant } from "./Variant.ts"
import { type Host, hosts } from "./Workload.ts"

const asContext = ({ target: _, ...figure }: Figure): Figure => ({
  ...figure,
  label: `${figure.label} (on the caller's thread)`
})

/** The host's name is added to `name`. */
export const perHost = (scenario: {
  readonly name: string
  readonly figures: Variant["figures"]
  readonly measure: (host: Host) => (scale: Scale) => ReturnType<Variant["measure"]>
}): ReadonlyArray<Variant> =>
  hosts.map((host) => ({
    name: `${scenario.name}/${host.name}`,
    figures: host.thread
      ? scenario.figures
      : Object.fromEntries(Object.entries(scenario.figures).map(([key, figure]) => [key, asContext(figure)])),
    measure: scenario.measure(host)
  }))

/** The figures of a stopwatch. */
export const speedFigures = (label: string, target?: Target, against?: Variant): Variant["figures"] => ({
  perSec: {
    label,
    unit: "jobs/s",
    ...(against !== undefined && { against: against.name }),
    ...(target !== undefined && { target })
  },
  cpu: cpuFigure(label)
})
