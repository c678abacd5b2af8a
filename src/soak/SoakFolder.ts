/** The folder of a soak: its plan, how far it is, its report. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { existsSync } from "node:fs"
import * as OwnFile from "../files/OwnFile.ts"
import { ProcessIdentity } from "../services/Queue/index.ts"
import { type CommandFailure, fail } from "../cli/Failure.ts"
import { files, SoakPlan } from "./SoakPlan.ts"
import { page } from "./SoakPage.ts"
import { SoakResult } from "./SoakResult.ts"
import { read } from "./SoakSamples.ts"
import * as SoakText from "./SoakText.ts"

const PlanText = Schema.fromJsonString(SoakPlan)

export const readPlan = (folder: string): Effect.Effect<SoakPlan, CommandFailure> =>
  Effect.try(() => OwnFile.readText(files(folder).plan) ?? "").pipe(
    Effect.flatMap(Schema.decodeEffect(PlanText)),
    Effect.mapError(() =>
      fail("notFound", `${folder} holds no plan.json of a soak; expected the folder that an earlier run named`)
    )
  )

/** Only into a folder that no soak is in. */
export const writePlan = (folder: string, plan: SoakPlan): Effect.Effect<void, CommandFailure> =>
  Effect.suspend(() => {
    const taken = [files(folder).plan, files(folder).store].find(existsSync)
    if (taken !== undefined)
      return Effect.fail(fail("conflict", `${taken} is there already; go on with it (--resume) or name a new folder`))
    OwnFile.writeNew(files(folder).plan, `${Schema.encodeSync(PlanText)(plan)}\n`)
    return Effect.void
  })

/** Keeps a second soak out of the folder until the scope closes; the mark of one that is no more is taken over. */
export const alone = (folder: string): Effect.Effect<void, CommandFailure, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.suspend(() => {
      const mark = files(folder).running
      const pid = Number(OwnFile.readText(mark) ?? 0)
      if (ProcessIdentity.isAlive(pid))
        return Effect.fail(fail("conflict", `process ${pid} is at work in ${folder}; wait for it or stop it first`))
      OwnFile.replace(mark, `${process.pid}\n`)
      return Effect.void
    }),
    () => Effect.sync(() => OwnFile.remove(files(folder).running))
  )

/**
 * Where the next part begins. Jobs sent after a crashed part's last sample are sent again, as jobs of the next part.
 */
export const position = (folder: string) =>
  Effect.gen(function* () {
    if (!existsSync(files(folder).samples)) return { part: 1, elapsed: 0, from: 0, lines: [], finished: false }
    const lines = yield* read(files(folder).samples)
    const last = lines.at(-1)
    const sent = lines.flatMap((line) => (line.type === "produced" ? [line.sent] : []))
    const done = lines.findLast((line) => line.type === "produced")?.done === true
    return {
      part: (last?.part ?? 0) + 1,
      elapsed: last?.elapsed ?? 0,
      lines,
      from: sent.reduce((most, each) => Math.max(most, each), 0),
      finished: done && last?.type === "end"
    }
  })

const ResultText = Schema.fromJsonString(SoakResult)

export const writeReport = (folder: string, result: SoakResult): Effect.Effect<void> =>
  Effect.sync(() => {
    const at = files(folder)
    OwnFile.replace(at.page, page(result))
    OwnFile.replace(at.result, `${Schema.encodeSync(ResultText)(result)}\n`)
    OwnFile.replace(at.text, `${SoakText.lines(result).join("\n")}\n`)
  })
