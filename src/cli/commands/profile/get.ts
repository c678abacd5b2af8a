import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { writeFileSync } from "node:fs"
import path from "node:path"
import { ProfileTree, ProfilingReport } from "../../../services/Queue/index.ts"
import { fail } from "../../Failure.ts"
import { Invocation } from "../../Invocation.ts"
import * as JobFlags from "../../JobFlags.ts"
import { output } from "../../Output.ts"
import { onFiles, profileId, profiles, readReport } from "../../profile/Profiles.ts"
import { printReport } from "../../profile/ReportText.ts"
import * as Sanitize from "../../terminal/Sanitize.ts"

export const get = Command.make(
  "get",
  {
    format: Flag.Literals("format", ["report", "folded", "cpuprofile", "heapprofile"]).pipe(
      Flag.withDescription(
        "folded: stacks for flame graph programs; cpuprofile, heapprofile: V8's own, for Chrome's DevTools (default report)"
      ),
      Flag.withDefault("report" as const)
    ),
    output: Flag.String("output").pipe(
      Flag.withAlias("o"),
      Flag.withMetavar("FILE"),
      Flag.withDescription("write it there"),
      Flag.optional
    ),
    json: JobFlags.json,
    wide: JobFlags.wide,
    id: Argument.String("profile").pipe(Argument.withDescription("its id, the beginning of it, or last"))
  },
  Effect.fnUntraced(function* ({ format, id: text, json, output: target, wide }) {
    const out = yield* output
    const { cwd } = yield* Invocation
    const files = yield* profiles
    const id = yield* profileId(files, text)
    const report = yield* readReport(files, id)
    const content =
      format === "folded"
        ? `${ProfileTree.foldedStacks(report.flame).join("\n")}\n`
        : format === "report"
          ? `${JSON.stringify(report)}\n`
          : yield* onFiles(`profile ${id} cannot be read`, () => files.text(id, format))
    if (content === undefined) return yield* fail("notFound", `profile ${id} has no ${format}`)
    if (Option.isSome(target)) {
      const file = path.resolve(cwd, target.value)
      yield* onFiles(`${file} cannot be written`, () => writeFileSync(file, content, { mode: 0o600 }))
      return yield* out.note(`sluice: wrote ${Sanitize.line(file)}`)
    }
    if (format !== "report") return yield* out.stdout.write(Sanitize.block(content))
    if (json) return yield* out.json(ProfilingReport.ProfilingReport, report)
    yield* printReport(out, report, wide)
  })
).pipe(
  Command.withDescription(
    "Shows a saved profile: bottlenecks with their evidence, hottest functions, slowest attempts."
  ),
  Command.withExamples([
    { command: "sluice profile get last" },
    { command: "sluice profile get last --format cpuprofile -o out.cpuprofile", description: "for Chrome's DevTools" },
    { command: "sluice profile get last --format folded > stacks.folded" }
  ])
)
