/** What every storm must show, whatever its fault; and one line of figures. */
import { assert } from "@effect/vitest"
import { busyTimeoutMs } from "../../../src/services/Store/sqlite/Database.ts"
import { recoveryBoundMs } from "./FaultSettings.ts"
import { gentleBoundMs, type Refusal, type StormReport } from "./Storm.ts"
import type { Stretch } from "./Stretch.ts"

/** What was accepted last before an outage is told this much after it at most. */
const toldMs = 250

/**
 * Whether the store had to refuse: a process that was stopped inside its transaction had kept everybody from the file
 * for as long as an enqueue waits for it.
 */
const isExcused = ({ at, error }: Refusal, outages: ReadonlyArray<Stretch>): boolean =>
  error.reason._tag === "StoreUnavailable" &&
  outages.some(({ from, to }) => at <= to && at - from >= busyTimeoutMs - toldMs)

export const expectNothingLost = (name: string, report: StormReport): void => {
  const { acceptedTwice, badExits, lost, outages, stuck, unexplained } = report
  console.log(
    `${name}: ${report.acknowledged} jobs, ${report.faults} faults, ${lost.length} lost, ${acceptedTwice.length} accepted twice, ` +
      `${stuck.length} stuck, ${report.failed} attempts failed, ${report.repeated} repeated (${unexplained.length} unexplained), ${report.orphans} orphans, ` +
      `${report.refused.length} refused, recovery at most ${report.recoveryMaxMs} ms, gentle stops at most ${report.gentleStopMaxMs} ms, ` +
      `the store held up for ${JSON.stringify(outages.map(({ from, to }) => to - from))} ms`
  )
  const refused = report.refused
    .filter((refusal) => !isExcused(refusal, outages))
    .map(({ at, error }) => `${at}: ${error.reason._tag}, ${error.message}`)
  assert.deepStrictEqual(
    { acceptedTwice, badExits, lost, refused, stuck, unexplained },
    { acceptedTwice: [], badExits: [], lost: [], refused: [], stuck: [], unexplained: [] }
  )
  assert.isAtMost(report.recoveryMaxMs, recoveryBoundMs, report.slowest)
  assert.isAtMost(report.gentleStopMaxMs, gentleBoundMs)
}
