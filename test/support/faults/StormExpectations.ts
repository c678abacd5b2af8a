/** What every storm must show, whatever its fault; and one line of figures. */
import { assert } from "@effect/vitest"
import { recoveryBoundMs } from "./FaultSettings.ts"
import { gentleBoundMs, type StormReport } from "./Storm.ts"

export const expectNothingLost = (name: string, report: StormReport): void => {
  console.log(
    `${name}: ${report.acknowledged} jobs, ${report.faults} faults, ${report.lost.length} lost, ${report.acceptedTwice.length} accepted twice, ` +
      `${report.stuck.length} stuck, ${report.failed} attempts failed, ${report.repeated} repeated (${report.unexplained.length} unexplained), ${report.orphans} orphans, ` +
      `recovery at most ${report.recoveryMaxMs} ms, gentle stops at most ${report.gentleStopMaxMs} ms, the store held up for ${JSON.stringify(report.outages)} ms`
  )
  const { acceptedTwice, badExits, lost, refused, stuck, unexplained } = report
  assert.deepStrictEqual(
    { acceptedTwice, badExits, lost, refused, stuck, unexplained },
    { acceptedTwice: [], badExits: [], lost: [], refused: [], stuck: [], unexplained: [] }
  )
  assert.isAtMost(report.recoveryMaxMs, recoveryBoundMs, report.slowest)
  assert.isAtMost(report.gentleStopMaxMs, gentleBoundMs)
}
