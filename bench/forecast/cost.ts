// What the forecaster of one group costs: CPU time of an update and of a forecast, heap and size of the saved state.
//
//   node bench/forecast/cost.ts [step seconds] [horizon] [days]       default: 60 s, 60 steps, 15 days
//
// Counts are Poisson around a daily and weekly curve, from a fixed seed. The first half only fills the history. Prints
// milliseconds of CPU per call (mean), what a thousand groups take of one core when each is updated and asked once per
// step, megabytes of heap and of external memory per forecaster, and kilobytes of state.

import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { SeededRandom } from "../../test/support/SeededRandom.ts"
import { make } from "../../src/services/Scaling/policy/forecast/Forecasting.ts"

const stepSeconds = Number(process.argv[2] ?? 60)
const horizon = Number(process.argv[3] ?? 60)
const days = Number(process.argv[4] ?? 15)
const day = Math.round(86_400 / stepSeconds)
const steps = days * day

setFlagsFromString("--expose-gc")
const collect = runInNewContext("gc") as () => void
const bytes = () => {
  collect()
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

const random = new SeededRandom(1)
/** A normal deviate with a Poisson's variance is near enough for timing. */
const countAt = (step: number) => {
  const weekend = Math.floor(step / day) % 7 > 4 ? 0.5 : 1
  const mean = 40 * weekend * (1.2 + Math.sin((2 * Math.PI * step) / day))
  const deviate = Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())
  return Math.max(0, Math.round(mean + Math.sqrt(mean) * deviate))
}
/** Milliseconds of CPU. */
const cpu = (run: () => void) => {
  const before = process.cpuUsage()
  run()
  const { system, user } = process.cpuUsage(before)
  return (system + user) / 1000
}

const before = bytes()
const forecaster = make({ stepSeconds, horizon })
const push = (from: number, to: number) => {
  for (let step = from; step < to; step++) forecaster.update(countAt(step))
}
push(0, steps >> 1)
const updates = steps - (steps >> 1)
const update = cpu(() => push(steps >> 1, steps)) / updates
const asked = 500
const forecast =
  cpu(() => {
    for (let i = 0; i < asked; i++) forecaster.forecast(horizon)
  }) / asked
const megabytes = (bytes() - before) / 1e6
let kilobytes = 0
const save = cpu(() => {
  kilobytes = JSON.stringify(forecaster.save()).length / 1000
})

console.log(`grid ${stepSeconds} s, horizon ${horizon}, ${steps} steps, Node ${process.version}`)
console.log(`update    ${update.toFixed(3)} ms of CPU`)
console.log(`forecast  ${forecast.toFixed(3)} ms of CPU for ${horizon} steps`)
console.log(`1000 groups, one of each per step: ${((100 * (update + forecast)) / stepSeconds).toFixed(2)} % of a core`)
console.log(`memory    ${megabytes.toFixed(2)} MB`)
console.log(`state     ${kilobytes.toFixed(0)} kB, saved in ${save.toFixed(1)} ms`)
