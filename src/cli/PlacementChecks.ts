/** What `sluice doctor` says of where tasks run: groups and threads, with the figures measured. */
import { Placement } from "../services/Queue/index.ts"
import { type Check, ok, warning } from "./Checks.ts"

const name = "placement"

/** A line for each task that a person could place better, and one for those the workers placed. */
export const checkPlacements = (known: ReadonlyArray<Placement.Placement>): ReadonlyArray<Check> => {
  const advised = known.flatMap((placement) => {
    const advice = Placement.advice(placement)
    return advice === undefined ? [] : [warning(name, `${placement.task}: ${Placement.because(placement)}`, advice)]
  })
  const placed = known.flatMap((placement) => {
    const group = Placement.groupOf(placement)
    return group === undefined ? [] : [`${placement.task} in ${group}`]
  })
  const held = known
    .filter((placement) => placement.declared === null && placement.held)
    .map(({ fit, task }) =>
      warning(name, `${task} fits group ${fit}, which no worker of it serves`, `give a worker slots: -g ${fit}=N`)
    )
  return [ok(name, placed.length === 0 ? "no task was placed by its measures" : placed.join(", ")), ...held, ...advised]
}
